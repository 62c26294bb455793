"""Money of a campaign with a cap: what is judged comes first with what it leaves out; a missing interval says why."""

import json

import pytest

from dashboard.cards.kpi import Versus, metric_kpi
from dashboard.cards.reasons import Reasons
from dashboard.format import reason
from dashboard.parts.comparing import cap_told, first_metrics, lift_told
from experiments.model.designing.kinds import METRIC_FACTS, own_facts

from .walking import words

NONE = {"value": 4.2, "lower": None, "upper": None, "note": "no bounds: a few large values; read capped_revenue"}
KNOWN = {"value": 4.2, "lower": 4.0, "upper": 4.4}
NAMES = ("conversion", "reengagement", "revenue", "net_value", "capped_revenue", "capped_net_value", "roi")


def document(judged: str, capped: bool) -> dict:
    return {
        "estimand": {"metric": judged},
        "money": {"rules": {"capped": {"above_cap": 0.25} if capped else None}},
        "variants": {"rules": {"metrics": dict.fromkeys(NAMES, KNOWN)}},
    }


def facts(name: str) -> dict:
    return METRIC_FACTS[name].as_dict()


def told(component) -> str:
    return json.dumps(json.loads(words(component)), ensure_ascii=False)


def test_what_is_judged_comes_first_and_amounts_up_to_the_cap_before_plain_ones():
    shown = first_metrics(document("capped_net_value", True), "rules")
    assert shown[0] == "capped_net_value"
    assert shown.index("capped_revenue") < shown.index("revenue") and "net_value" not in shown
    assert first_metrics(document("reengagement", True), "rules")[0] == "reengagement"
    assert "capped_revenue" not in first_metrics(document("net_value", False), "rules")


def test_the_cap_and_what_lies_above_it_stand_on_the_card():
    cap = cap_told(document("capped_net_value", True), "rules", {"cap_revenue": 60.0, "currency": "EUR"})
    assert cap.replace("\xa0", " ") == "Each user's revenue counted up to €60.00; 25.0 % of revenue is above that."
    versus = Versus("holdout", cap=cap)
    assert cap in told(metric_kpi("capped_revenue", facts("capped_revenue"), "EUR", KNOWN, versus))
    assert "uncapped" in told(metric_kpi("revenue", facts("revenue"), "EUR", KNOWN, versus))
    assert "uncapped" not in told(metric_kpi("revenue", facts("revenue"), "EUR", KNOWN, Versus("holdout")))


def test_a_missing_interval_says_why_once():
    lift = {"absolute": NONE, "relative": {**NONE, "value": None}, "note": NONE["note"]}
    card = told(metric_kpi("revenue", facts("revenue"), "EUR", NONE, Versus("holdout", lift)))
    assert card.count("A few large values; read revenue up to the cap.") == 1
    assert " yet" not in card


@pytest.mark.parametrize("found", [None, {}, KNOWN, {**KNOWN, "note": "weights vary"}])
def test_there_is_no_reason_where_nothing_is_missing(found):
    assert reason(found) == ""


def test_the_same_reason_has_one_number():
    reasons = Reasons()
    cells = [reasons.beside("no interval", NONE), lift_told(NONE, NONE, reasons), reasons.beside("1", KNOWN)]
    assert [cell.replace("\xa0", " ") for cell in cells] == ["no interval [1]", "+420 % (no interval) [1]", "1"]
    assert len(reasons.below()) == 1
    assert reasons.spelled([{"cell": cells[0]}]) == [{"cell": f"no interval: {reason(NONE)}"}], "a download has no foot"


def test_values_are_in_the_unit_that_the_document_gives_whatever_the_metric_is_called():
    """An experiment's own `conversion` may count."""
    counted = own_facts("conversion", "count", ("conversion",), None).as_dict()
    card = told(metric_kpi("conversion", counted, "EUR", {"value": 2.5, "lower": 2.4, "upper": 2.6}, Versus("holdout")))
    assert "2.5" in card
    assert "250" not in card
    assert "Conversion per decision" in card


@pytest.mark.parametrize(("name", "word"), [("unsubscribe", "worse"), ("reward_cost", "worse"), ("revenue", "better")])
def test_more_of_what_should_be_less_is_worse(name, word):
    more = {"value": 0.2, "lower": 0.1, "upper": 0.3}
    card = told(metric_kpi(name, facts(name), "EUR", KNOWN, Versus("holdout", {"absolute": more, "relative": more})))
    assert f"kpi-{word}" in card
    assert f'"{word} number"' in card
    assert "▲" in card
