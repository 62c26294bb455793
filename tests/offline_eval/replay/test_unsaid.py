"""What is not claimed is said to be: logs of policies that learned, and numbers without an interval."""

import numpy as np
import pytest

from benchmarks.readout_adaptive import POLICIES, RATES
from benchmarks.replay_learners import lived
from offline_eval.ab.logged import readout
from offline_eval.judging.claim import Claim
from offline_eval.replay import Options, replay
from offline_eval.replay_several import replay_several


def sentences(found, name):
    policy = found["policies"][name]
    return policy["verdict"], " ".join(policy["diagnostics"]["reasons"])


@pytest.fixture(scope="module")
def learned():
    return lived(RATES, POLICIES["greedy with a floor"], np.random.default_rng(3)).log


def test_the_log_of_a_policy_that_learned_is_trusted_by_neither_replay_nor_readout(learned):
    checks = {check["name"]: check["status"] for check in readout(learned)["checks"]}
    assert checks["allocation"] == "failed"
    found = replay(learned, ["fixed", "uniform"], ["snips", "dr"])
    for name in found["policies"]:
        word, told = sentences(found, name)
        assert word != "trust" and "arms' shares moved" in told and "claim no coverage" in told


def test_intervals_for_every_look_hold_on_it_and_say_so(learned):
    found = replay(learned, ["fixed:gift"], ["ips"], options=Options(claim=Claim(anytime=True)))
    word, told = sentences(found, "fixed:gift")
    assert word == "caution" and "the values' intervals hold" in told


def test_a_log_whose_policy_stayed_the_same_is_no_such_log(known_log, frame, make):
    for log in (known_log, make.log(frame, make.spec(time="day", time_unit="d"))):
        found = replay(log, ["fixed:ten"], ["snips"])
        assert sentences(found, "fixed:ten")[0] == "trust"


def test_logs_in_an_order_are_told_by_their_rows_where_they_have_no_time(frame, make):
    ordered = frame.sort_values("offer", kind="stable")
    found = replay(make.log(ordered), ["fixed:ten"], ["snips"])
    word, told = sentences(found, "fixed:ten")
    assert word == "caution" and "arms' shares moved" in told and "over the time" not in told


def test_segments_say_it_too(frame, make):
    found = replay(make.log(frame.sort_values("offer", kind="stable")), ["fixed:ten"], ["snips"])
    assert "arms' shares moved" in found["segments"]["channel"]["web"]["policies"]["fixed:ten"]["reason"]


def test_of_several_logs_each_is_looked_at_alone(frame, make):
    halves = frame.iloc[:2000], frame.iloc[2000:]
    other = halves[1].assign(offer=np.where(halves[1]["offer"] == "ten", "five", halves[1]["offer"]))
    still = [make.log(halves[0], make.spec(name="one")), make.log(other, make.spec(name="two"))]
    moved = [make.log(halves[0].sort_values("offer"), make.spec(name="one")), still[1]]
    for logs, expected in ((still, False), (moved, True)):
        found = replay_several(logs, ["fixed:five"], ["snips"])
        assert ("arms' shares moved" in sentences(found, "fixed:five")[1]) == expected


@pytest.mark.parametrize("claim", [Claim(anytime=True), Claim(interval="trivial"), Claim()])
def test_sentences_fit_what_is_shown(frame, make, claim):
    """Amounts without a known limit, one of them huge or none."""
    spec = make.SPEC | {"outcomes": {"revenue": "spend"}, "objective": {"maximise": "revenue"}}
    for most in (1.0, 4000.0):
        spend = frame["visit"] * np.where(np.arange(len(frame)) == 5, most, 1.0) + 0.01
        found = replay(
            make.log(frame.assign(spend=spend), spec), ["fixed:ten"], ["snips", "dr"], options=Options(claim=claim)
        )
        word, told = sentences(found, "fixed:ten")
        value = found["policies"]["fixed:ten"]["estimates"]["dr"]
        assert value["value"] is not None and word != "trust"
        if value["lower"] is None:
            assert "wider than the value" not in told and "the interval holds" not in told
            assert "No interval is shown" in told or "no interval holds" in told
        else:
            assert "No interval" not in told and "no interval" not in told


@pytest.mark.parametrize("estimators", [["dr", "snips"], ["snips"], ["ips"]])
def test_hidden_reasons_are_told_of_what_the_table_shows(frame, make, estimators):
    """At its level, with its sign: nothing to undo where it shows no difference, and something where it does."""
    seen = set()
    for rows, lift in ((300, 0), (4000, 0), (4000, 1)):
        few = frame.head(rows)
        few = few.assign(visit=np.where(few["offer"] == "ten", np.maximum(few["visit"], lift), few["visit"]))
        log = make.log(few, make.spec(propensity={"estimate": True}))
        found = replay(log, ["fixed", "uniform"], estimators)
        told = found["sensitivity"]
        assert told["estimator"] == "snips" and told["alpha"] == pytest.approx(0.05 / 4)
        for name, each in told["policies"].items():
            versus = found["policies"][name]["versus_logging"][estimators[0]]
            shown = versus["lower"] > 0 or versus["upper"] < 0
            assert ("no difference from the log is shown" in each["sentence"]) == (not shown)
            assert shown or each["flips_at"] == 1.0
            assert all(0 <= step["lower"] <= step["upper"] <= 1 for step in each["bounds"])
            seen.add(shown)
    assert seen == {True, False}


def test_hidden_reasons_have_no_bounds_where_the_value_has_none(frame, make):
    spec = make.spec(propensity={"estimate": True}) | {
        "outcomes": {"revenue": "spend"},
        "objective": {"maximise": "revenue"},
    }
    spend = frame["visit"] + 5000.0 * (np.arange(len(frame)) == 7)
    found = replay(make.log(frame.assign(spend=spend), spec), ["fixed"], ["snips"])
    for name, each in found["sensitivity"]["policies"].items():
        bounded = found["policies"][name]["estimates"]["snips"]["lower"] is not None
        assert all((step["lower"] is not None) == bounded for step in each["bounds"])
        assert bounded or "no difference from the log is shown" in each["sentence"]
