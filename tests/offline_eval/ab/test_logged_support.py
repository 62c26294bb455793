"""Readouts of logs: over which rows two arms are compared, who counts, and what is said where little is known."""

import json

import numpy as np
import pytest

from offline_eval.ab.logged import readout
from offline_eval.ab.logged.gathering import tally
from offline_eval.ab.logged.readout import Settings
from offline_eval.ab.logged.sight import Sight
from tests.offline_eval.ab.made_logs import log_of, made_up


def gap_log(tmp_path, **sections):
    """No effect; "gift" is never drawn among the active, who come back more often."""
    rng = np.random.default_rng(13)
    n = 6000
    active = rng.random(n) < 0.4
    gift = ~active & (rng.random(n) < 0.5)
    columns = {
        "arm": np.where(gift, "gift", "none"),
        "back": (rng.random(n) < np.where(active, 0.6, 0.2)).astype(int),
        "spend": np.zeros(n),
        "kind": np.where(active, "active", "lapsed"),
        "p": np.where(active, 1.0, 0.5),
    }
    columns["pmf"] = [json.dumps([0.5, 0.5] if p < 1 else [0.0, 1.0]) for p in columns["p"]]
    spec = {"log": {"propensity": {"within": ["kind"]}}, "segments": {"by": ["kind"]}} | sections
    return columns, log_of(tmp_path, columns, **spec)


@pytest.mark.parametrize(
    "log",
    [
        {"propensity": {"within": ["kind"]}},
        {"propensity": {"column": "p"}},
        {"propensity": {"column": "p"}, "pmf": "pmf"},
    ],
    ids=["strata", "drawn probability", "all probabilities"],
)
def test_only_rows_where_both_could_have_been_drawn(tmp_path, log):
    columns, opened = gap_log(tmp_path, log=log)
    document = readout(opened)
    lapsed = columns["kind"] == "lapsed"
    lift = document["arms"]["gift"]["lift"]["reengagement"]
    assert lift["absolute"]["lower"] < 0 < lift["absolute"]["upper"]
    assert lift["common_share"] == document["arms"]["gift"]["common_share"] == pytest.approx(lapsed.mean())
    assert lift["absolute"]["n"] == lapsed.sum()
    assert "both gift and none could have been drawn" in document["arms"]["gift"]["over"]
    assert document["verdict"]["reason"].startswith("undecided")
    parts = document["segments"]["kind"]["lift"]
    assert parts["lapsed"]["gift"]["common_share"] == 1.0
    assert parts["lapsed"]["gift"]["absolute"]["n"] == lapsed.sum()
    assert parts["active"]["gift"]["common_share"] == 0.0
    assert parts["active"]["gift"]["absolute"]["value"] is None
    assert "nothing in common" in parts["active"]["gift"]["note"]


def test_what_is_not_known_of_common_support_is_said(tmp_path):
    columns = made_up(14) | {"p": np.full(9000, 1 / 3)}
    document = readout(log_of(tmp_path, columns, log={"propensity": {"column": "p"}}))
    assert document["arms"]["gift"]["common_share"] is None
    assert any("log.eligible or log.pmf" in note for note in document["notes"])
    plain = readout(log_of(tmp_path, columns))
    assert plain["arms"]["gift"]["common_share"] == 1.0
    assert plain["notes"] == []


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}, {"within": ["kind"]}])
def test_a_unit_column_with_one_row_for_each_unit_changes_nothing(tmp_path, propensity):
    columns = made_up(15) | {"p": np.full(9000, 1 / 3), "who": np.arange(9000)}
    documents = [
        readout(log_of(tmp_path, columns, log={"propensity": propensity, "unit": unit}, segments={"by": ["kind"]}))
        for unit in ("", "who")
    ]
    assert documents[0] == documents[1]


def test_twelve_people_are_twelve_however_many_rows_they_have(tmp_path):
    rng = np.random.default_rng(16)
    who, n = np.repeat(np.arange(12), 500), 6000
    columns = {
        "arm": rng.choice(["none", "gift"], n),
        "back": (rng.random(n) < rng.beta(2, 8, 12)[who]).astype(int),
        "spend": np.zeros(n),
        "who": who,
        "at": np.arange(n),
    }
    document = readout(log_of(tmp_path, columns, log={"unit": "who", "time": "at"}))
    gift = document["arms"]["gift"]
    assert gift["metrics"]["reengagement"]["effective_n"] <= 12
    assert gift["lift"]["reengagement"]["absolute"]["effective_n"] <= 12
    assert "12 units have 6,000 rows" in document["notes"][0]


def test_units_that_keep_their_arm_are_no_mismatch(tmp_path):
    rng = np.random.default_rng(17)
    who = np.repeat(np.arange(60), rng.integers(1, 200, 60))
    n = len(who)
    columns = {
        "arm": rng.choice(["none", "gift"], 60)[who],
        "back": (rng.random(n) < 0.2).astype(int),
        "spend": np.zeros(n),
        "who": who,
        "at": np.arange(n),
    }
    document = readout(log_of(tmp_path, columns, log={"unit": "who", "time": "at"}))
    assert not document["sample_ratio"]["mismatch"]
    assert "units counted" in document["sample_ratio"]["detail"]


def test_event_types_of_weighted_logs_are_over_rows_where_one_of_their_arms_could_have_been_drawn(tmp_path):
    arms = [{"value": "none"}, *({"value": arm, "event_type": "nice"} for arm in ("mail", "gift"))]
    columns = made_up(18)
    weighted = log_of(tmp_path, columns, arms=arms, log={"propensity": {"within": ["kind"]}})
    lift = readout(weighted)["event_types"]["nice"]
    plain = readout(log_of(tmp_path, columns, arms=arms))["event_types"]["nice"]
    assert lift["absolute"]["value"] == pytest.approx(plain["absolute"]["value"], abs=0.005)
    assert lift["common_share"] == 1.0


@pytest.mark.parametrize("propensity", [{"uniform": True}, {"column": "p"}, {"within": ["kind"]}])
def test_an_outcome_that_never_happened_is_too_few_not_an_error(tmp_path, propensity):
    columns = made_up(19) | {"back": np.zeros(9000, int), "p": np.full(9000, 1 / 3)}
    document = readout(log_of(tmp_path, columns, log={"propensity": propensity}))
    e = document["arms"]["gift"]["metrics"]["reengagement"]
    assert (e["value"], e["lower"]) == (0, 0)
    assert 0 < e["upper"] < 0.01
    lift = document["arms"]["gift"]["lift"]["reengagement"]
    assert lift["absolute"]["lower"] < 0 < lift["absolute"]["upper"]
    assert lift["p_value"] == pytest.approx(1.0)


def test_whether_segments_differ_does_not_depend_on_the_level(tmp_path):
    log = log_of(tmp_path, made_up(20), segments={"by": ["kind"]})
    for propensity in ({"uniform": True}, {"within": ["kind"]}):
        log = log_of(tmp_path, made_up(20), segments={"by": ["kind"]}, log={"propensity": propensity})
        found = [readout(log, Settings(alpha))["segments"]["kind"]["differ"]["gift"] for alpha in (0.2, 0.05, 0.001)]
        assert found[0] == found[1] == found[2]
        assert found[0]["p_value"] is not None
        assert found[0]["left_out"] == []


def test_parts_of_a_log_with_units_and_gaps_add_up(tmp_path):
    columns, _ = gap_log(tmp_path)
    columns |= {"who": np.repeat(np.arange(1500), 4), "at": np.tile(np.arange(4), 1500)}
    del columns["pmf"]
    log = log_of(tmp_path, columns, log={"propensity": {"within": ["kind"]}, "unit": "who", "time": "at"})
    whole = next(log.batches())
    sight = Sight.of(log, log.keys.index("none"), ("reengagement", "revenue"))
    once = tally(whole, 2, sight)
    parts = tally(whole.take(slice(0, 2000)), 2, sight) + tally(whole.take(slice(2000, None)), 2, sight)
    assert once.pairs.keys() == parts.pairs.keys()
    for key, sums in once.pairs.items():
        other = parts.pairs[key]
        assert sums.common == other.common
        np.testing.assert_allclose(sums.sums, other.sums, rtol=1e-12)
        np.testing.assert_allclose(sums.people, other.people, rtol=1e-12)
        np.testing.assert_allclose(np.sort(sums.top), np.sort(other.top))


def learned_log(tmp_path, learns):
    """The better arm's share rises from a half to nine tenths, or stays."""
    rng = np.random.default_rng(21)
    n = 6000
    p = np.linspace(0.5, 0.9, n) if learns else np.full(n, 0.7)
    gift = rng.random(n) < p
    columns = {
        "arm": np.where(gift, "gift", "none"),
        "back": (rng.random(n) < 0.2 + 0.2 * gift).astype(int),
        "spend": np.zeros(n),
        "p": np.where(gift, p, 1 - p),
    }
    return log_of(tmp_path, columns, log={"propensity": {"column": "p"}})


def test_intervals_of_a_log_whose_shares_moved_claim_no_coverage(tmp_path):
    moved, still = (readout(learned_log(tmp_path, learns)) for learns in (True, False))
    check = next(check for check in moved["checks"] if check["name"] == "allocation")
    assert check["status"] == "failed"
    assert not moved["coverage_claimed"]
    assert moved["verdict"]["word"] == "don't trust"
    assert still["coverage_claimed"]
    assert still["verdict"]["word"] == "ship"
    assert any("learned" in note for note in still["notes"])


def test_small_probabilities_that_were_not_drawn_are_no_mismatch(tmp_path):
    rng = np.random.default_rng(22)
    alarms = 0
    for _ in range(40):
        p = np.where(rng.random(2000) < 0.9, 0.002, 0.5)
        gift = rng.random(2000) < p
        columns = {
            "arm": np.where(gift, "gift", "none"),
            "back": (rng.random(2000) < 0.2).astype(int),
            "spend": np.zeros(2000),
            "p": np.where(gift, p, 1 - p),
            "pmf": [json.dumps([each, 1 - each]) for each in p],
        }
        spec = {"propensity": {"column": "p"}, "pmf": "pmf"}
        alarms += readout(log_of(tmp_path, columns, log=spec))["sample_ratio"]["mismatch"]
    assert alarms == 0
