"""What a readout of a log says beside its numbers: who is left out, what could not be tested, why nothing is said."""

import json

import numpy as np
import pytest

from offline_eval.ab.logged import readout
from tests.offline_eval.ab.made_logs import log_of, made_up


def uniform(n, **columns):
    return {"arm": np.resize(["none", "gift"], n), "back": np.zeros(n, int), "spend": np.zeros(n)} | columns


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}], ids=["plain", "weighted"])
def test_rows_without_a_segment_are_a_segment(tmp_path, propensity):
    columns = made_up(20, 3000) | {"p": np.full(3000, 1 / 3)}
    columns["kind"] = np.where(np.arange(3000) % 5 == 0, None, columns["kind"])
    found = readout(log_of(tmp_path, columns, log={"propensity": propensity}, segments={"by": ["kind"]}))
    parts = found["segments"]["kind"]["lift"]
    assert parts.keys() == {"(missing)", "a", "b"}
    whole = found["arms"]["gift"]["lift"]["reengagement"]["absolute"]["n"]
    assert sum(part["gift"]["absolute"]["n"] for part in parts.values()) == whole


def test_a_value_that_is_called_missing_is_counted_once(tmp_path):
    kind = np.where(np.arange(3000) % 5 == 0, None, "(missing)")
    found = readout(log_of(tmp_path, made_up(20, 3000) | {"kind": kind}, segments={"by": ["kind"]}))
    part = found["segments"]["kind"]["lift"]["(missing)"]["gift"]
    assert part["absolute"] == found["arms"]["gift"]["lift"]["reengagement"]["absolute"]


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}], ids=["plain", "weighted"])
@pytest.mark.parametrize("n", [1, 8, 4000])
def test_a_check_passes_only_where_it_could_have_failed(tmp_path, propensity, n):
    rng = np.random.default_rng(n)
    columns = uniform(n, arm=rng.choice(["none", "gift"], n), p=np.full(n, 0.5))
    arms = [{"value": "none"}, {"value": "gift"}]
    found = readout(log_of(tmp_path, columns, log={"propensity": propensity}, arms=arms))
    statuses = {check["name"]: check["status"] for check in found["checks"]}
    assert set(statuses.values()) == {"ok" if n == 4000 else "too_few"}
    assert (found["sample_ratio"]["p_value"] is None) == (n < 4000)
    json.dumps(found, allow_nan=False)


def test_a_dozen_people_cannot_show_that_shares_are_wrong(tmp_path):
    rng, n = np.random.default_rng(1), 1200
    columns = uniform(n, arm=rng.choice(["none", "gift"], n), who=np.arange(n) % 12, at=np.arange(n))
    found = readout(log_of(tmp_path, columns, log={"unit": "who", "time": "at"}))
    assert found["checks"][0]["status"] == "too_few"


def test_one_arm_has_nothing_to_be_compared_with(tmp_path):
    found = readout(log_of(tmp_path, uniform(500, arm=np.full(500, "none"), back=np.arange(500) % 2)))
    assert found["best"] == {}
    assert found["checks"][0]["status"] == "too_few"
    assert found["verdict"]["reason"] == "undecided: there is nothing to compare: nothing beside the control"


def test_why_nothing_is_said_is_the_true_reason(tmp_path):
    rng, n = np.random.default_rng(5), 20_000
    spend = np.where(rng.random(n) < 0.3, rng.pareto(1.1, n) + 1, 0.0)
    columns = uniform(n, spend=spend, p=np.full(n, 0.5))
    spec = {"log": {"propensity": {"column": "p"}}, "objective": {"maximise": "revenue"}}
    found = readout(log_of(tmp_path, columns, **spec))
    why = found["arms"]["gift"]["lift"]["revenue"]["note"]
    assert "so few rows make up so much of the sum" in why
    assert why in found["verdict"]["reason"] and "few events" not in found["verdict"]["reason"]
    assert "so few rows make up so much" in found["arms"]["gift"]["metrics"]["revenue"]["note"]


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}], ids=["plain", "weighted"])
def test_every_mean_without_bounds_says_why(tmp_path, propensity):
    rng, n = np.random.default_rng(6), 400
    spend = np.where(rng.random(n) < 0.1, np.exp(3 * rng.normal(size=n)), 0.0)
    for columns in (uniform(n, spend=spend, p=np.full(n, 0.5)), uniform(2, p=np.full(2, 0.5))):
        found = readout(log_of(tmp_path, columns, log={"propensity": propensity}))
        for arm in found["arms"].values():
            for estimate in arm["metrics"].values():
                assert ("note" in estimate) == (estimate["lower"] is None)


def test_a_failed_check_is_said_beside_every_number(tmp_path):
    """A policy that moved to one arm: what the log's intervals claim is said where they stand, not only above."""
    rng, n = np.random.default_rng(7), 6000
    p = np.linspace(0.2, 0.9, n)
    gift = rng.random(n) < p
    columns = uniform(n, arm=np.where(gift, "gift", "none"), p=np.where(gift, p, 1 - p))
    columns |= {"back": (rng.random(n) < 0.3).astype(int), "kind": rng.choice(["a", "b"], n)}
    spec = {"log": {"propensity": {"column": "p"}}, "segments": {"by": ["kind"]}}
    found = readout(log_of(tmp_path, columns, **spec))
    assert not found["coverage_claimed"]
    gift = found["arms"]["gift"]
    numbers = [gift["lift"]["reengagement"], gift["metrics"]["reengagement"]]
    numbers += [part["gift"] for part in found["segments"]["kind"]["lift"].values()]
    assert all("claims no coverage (check failed: allocation)" in number["note"] for number in numbers)


def test_a_wider_interval_in_the_verdict_says_why_it_is_wider(tmp_path):
    reason = readout(log_of(tmp_path, made_up(2)))["verdict"]["reason"]
    assert reason.endswith(
        "the intervals told here are at 97.5 %, because 2 comparisons share 5 %: wider than those of one comparison"
    )
    columns = made_up(2)
    two = {name: column[columns["arm"] != "mail"] for name, column in columns.items()}
    verdict = readout(log_of(tmp_path, two))["verdict"]
    assert verdict["word"] == "ship" and "told here" not in verdict["reason"]


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}], ids=["plain", "weighted"])
@pytest.mark.parametrize("events", [(0, 0), (9, 0), (0, 9)], ids=["none", "none in the control", "none in the treated"])
def test_arms_without_events_have_bounds_and_the_right_words(tmp_path, propensity, events):
    columns = uniform(600, p=np.full(600, 0.5))
    for arm, count in zip(("gift", "none"), events, strict=True):
        columns["back"][np.flatnonzero(columns["arm"] == arm)[:count]] = 1
    found = readout(log_of(tmp_path, columns, log={"propensity": propensity}))
    json.dumps(found, allow_nan=False)
    lift = found["arms"]["gift"]["lift"]["reengagement"]
    absolute = lift["absolute"]
    assert absolute["value"] == pytest.approx((events[0] - events[1]) / 300)
    assert -1 <= absolute["lower"] <= absolute["value"] <= absolute["upper"] <= 1
    assert absolute["upper"] - absolute["lower"] < 0.08
    if events[1]:
        assert lift["relative"]["value"] == -1.0 and lift["relative"]["upper"] < 0 and "note" not in lift
    else:
        assert lift["relative"]["value"] is lift["relative"]["lower"] is lift["relative"]["upper"] is None
        assert lift["note"] == "relative lift not computed: the control's mean is 0"
