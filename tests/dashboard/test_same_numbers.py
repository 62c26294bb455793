"""Law 8 on the campaign page: what stands there is what `GET …/results` says, for nothing, one decision and many."""

import json

import pytest
from dash._utils import to_json

from dashboard.format import in_unit, interval, number, reason, why_none
from dashboard.page import View
from dashboard.pages import PAGES
from dashboard.parts.comparing import first_metrics, treated
from dashboard.sections import draw
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

CAMPAIGN = PAGES["campaign"]


@pytest.fixture
def told(filled_url, serving):
    """The campaign's results as the API sends them; None where it knows no such campaign."""
    settings = Settings(database_url=filled_url, snapshot_poll=60.0, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        answer = service.client.get("/v1/experiments/campaign-1/results")
        yield answer.json() if answer.status_code == 200 else None
    engine.dispose()


def shown(name, filled, filters):
    """A section's words, and the rows of its download."""
    drawn = draw(CAMPAIGN, CAMPAIGN.section(name), View(filled("viewer"), filters))
    return json.dumps(json.loads(to_json(drawn.body)), ensure_ascii=False), list(drawn.rows or [])


def test_key_figures_are_those_of_the_api(told, filled, filters):
    words, rows = shown("kpis", filled, filters)
    if told is None:
        assert not rows
        return
    key = treated(told)
    metrics = told["variants"][key]["metrics"] if key else {}
    if not rows:
        assert key is None or not told["variants"][key]["decisions"]
        return
    assert [row["metric"] for row in rows] == [name for name in first_metrics(told, key) if name in metrics]
    for row in rows:
        estimate = metrics[row["metric"]]
        assert {name: row[name] for name in estimate} == estimate, "reasons too"
        assert in_unit(told["metrics"][row["metric"]]["unit"], estimate["value"], "EUR") in words
        if estimate["lower"] is None:
            assert why_none(estimate) in words
        else:
            assert interval(told["metrics"][row["metric"]]["unit"], estimate, "EUR") in words


def test_arms_are_those_of_the_api(told, filled, filters):
    words, rows = shown("arms", filled, filters)
    if told is None:
        assert not rows
        return
    assert [row["arm"] for row in rows] == list(told["arms"])
    unit = told["metrics"][told["objective"]]["unit"]
    for row in rows:
        arm = told["arms"][row["arm"]]
        found = arm["metrics"].get(told["objective"], {})
        adjusted, naive = found.get("adjusted") or {}, found.get("naive") or {}
        assert row["decisions"] == number(arm["decisions"])
        assert row["adjusted"] == in_unit(unit, adjusted.get("value"), "EUR")
        assert row["naive"] == in_unit(unit, naive.get("value"), "EUR")
        if adjusted:
            why = reason(adjusted)
            assert row["interval"] == interval(unit, adjusted, "EUR") + (f": {why}" if why else "")
        cells = [row["interval"].partition(": ")[0], *(row[name] for name in ("arm", "decisions", "adjusted", "naive"))]
        assert all(cell in words for cell in cells)


def test_variants_and_money_are_those_of_the_api(told, filled, filters):
    _, variants = shown("lift", filled, filters)
    _, money = shown("spend", filled, filters)
    if told is None:
        assert not variants and not money
        return
    assert {row["variant"]: row["decisions"] for row in variants} == {
        key: number(one["decisions"]) for key, one in told["variants"].items()
    }
    for row in money:
        stated = told["money"][row["variant"]]
        for name in ("revenue", "reward_cost", "contact_cost", "net_value"):
            assert row[name] == in_unit("money", stated.get(name), "EUR")
