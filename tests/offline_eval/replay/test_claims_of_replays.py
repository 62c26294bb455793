"""Confidence, a chosen interval and intervals for every look: what is asked for is what every number has."""

import numpy as np
import pandas as pd
import pytest
import scipy

from offline_eval.intervals import INTERVALS
from offline_eval.judging.claim import Claim, UnknownIntervalError
from offline_eval.ope import ESTIMATORS
from offline_eval.replay import Options, replay

POLICIES = ["fixed:ten", "uniform", "rules"]


def told(log, claim, estimators=None, policies=POLICIES):
    return replay(log, policies, estimators, options=Options(claim=claim))


def numbers(result):
    for policy in result["policies"].values():
        yield from policy["estimates"].items()
        yield from policy["versus_logging"].items()


def width(estimate):
    return np.inf if None in (estimate["lower"], estimate["upper"]) else estimate["upper"] - estimate["lower"]


def test_confidence_moves_the_bounds_and_nothing_else(known_log):
    wide, narrow = told(known_log, Claim(0.01)), told(known_log, Claim(0.2))
    assert (wide["claim"]["alpha"], narrow["claim"]["alpha"]) == (0.01, 0.2)
    for (name, one), (_, two) in zip(numbers(wide), numbers(narrow), strict=True):
        assert (one["alpha"], two["alpha"]) == (0.01, 0.2), name
        assert one["value"] == two["value"] and width(one) >= width(two)


def test_the_default_is_the_rules_own_at_95_per_cent(known_log):
    assert told(known_log, Claim()) == replay(known_log, POLICIES)


@pytest.mark.parametrize("interval", sorted(name for name, one in INTERVALS.items() if not one.order_dependent))
def test_a_chosen_interval_is_everywhere(make, frame, interval):
    log = make.log(frame, make.spec(unit=""))
    if interval == "empirical_bernstein":  # it wants to know the largest weight
        log = make.log(frame, make.spec(unit="", propensity={"within": ["channel"]}))
    result = told(log, Claim(interval=interval))
    found = list(numbers(result))
    able = {name for name, estimator in ESTIMATORS.items() if interval in estimator.intervals}
    assert found and {name for name, _ in found} <= able
    assert all(e["method"].endswith((f"+{interval}", "+same")) for _, e in found)


@pytest.mark.parametrize(
    ("claim", "estimators", "told_so"),
    [
        (Claim(interval="magic"), None, "unknown interval 'magic'; known: normal"),
        (Claim(interval="gamma_exponential_cs"), None, "merged_cs holds at any time too"),
        (Claim(interval="normal", anytime=True), None, "holds at one look only; those that hold at any time"),
        (Claim(interval="empirical_bernstein"), ["snips"], "does not hold for 'snips'; what does: normal"),
        (Claim(alpha=0.7), None, "must lie above 0 and be at most 0.5"),
    ],
)
def test_a_claim_that_cannot_be_is_refused_at_the_door(known_log, claim, estimators, told_so):
    with pytest.raises(UnknownIntervalError, match=told_so):
        told(known_log, claim, estimators)


def test_an_interval_that_needs_the_range_says_so(make, frame):
    spec = make.SPEC | {"outcomes": {"revenue": "spend"}, "objective": {"maximise": "revenue"}}
    log = make.log(frame.assign(spend=frame["visit"] * np.arange(len(frame)) / 100), spec)
    with pytest.raises(UnknownIntervalError, match=r"set \[objective\] range"):
        told(log, Claim(interval="empirical_likelihood"), ["ips"])


def test_anytime_intervals_hold_at_every_look_and_cost_width(known_log):
    once, always = (
        told(known_log, Claim(interval="normal"), ["ips", "snips", "dr"]),
        told(known_log, Claim(anytime=True), ["ips", "snips", "dr"]),
    )
    for (name, one), (_, two) in zip(numbers(once), numbers(always), strict=True):
        method = two["method"].rpartition("+")[2]
        assert method in ("trivial", "same") or INTERVALS[method].anytime_valid, name
        assert one["value"] == two["value"] and width(two) >= width(one)


def test_anytime_claims_nothing_for_rewards_without_a_limit(make, frame):
    spec = make.SPEC | {"outcomes": {"revenue": "spend"}, "objective": {"maximise": "revenue"}}
    log = make.log(frame.assign(spend=frame["visit"] * np.arange(len(frame)) / 100), spec)
    for _, estimate in numbers(told(log, Claim(anytime=True), ["ips", "dr"])):
        assert estimate["method"].endswith(("+trivial", "+same"))


def peeked(seed: int, looks: tuple[int, ...] = (500, 1000, 2000, 4000)) -> bool:
    """Whether an anytime interval of a value or a difference ever misses the truth while one log grows."""
    from tests.offline_eval.replay.conftest import known_frame, log_from, with_log

    frame = known_frame(max(looks), seed)
    truth = {"fixed:five": 0.3, "fixed:none": 0.2}
    for look in looks:
        log = log_from(frame.head(look), with_log(unit="") | {"segments": {"by": []}})
        found = replay(log, list(truth), ["ips", "snips"], options=Options(claim=Claim(anytime=True)))["policies"]
        for name, value in truth.items():
            for estimate in found[name]["estimates"].values():
                if not (estimate["lower"] is None or estimate["lower"] <= value <= estimate["upper"]):
                    return True
    return False


@pytest.mark.proof
def test_anytime_intervals_cover_at_all_looks_together():
    lives = 200
    wrong = sum(peeked(seed) for seed in range(lives))
    assert scipy.stats.binomtest(wrong, lives, 0.05, "greater").pvalue > 1e-3


def segment_frame(n: int, segments: int, seed: int, effect: float = 0.0) -> pd.DataFrame:
    """Arms drawn evenly; `five` changes the rate by `effect` in segment s0 alone."""
    rng = np.random.default_rng(seed)
    arm, place = rng.integers(0, 3, n), rng.integers(0, segments, n)
    rate = 0.2 + effect * ((arm == 1) & (place == 0))
    names = np.array(["none", "five", "ten"])[arm]
    columns = {"customer": [f"c{i}" for i in range(n)], "day": 0, "offer": names, "p": 1 / 3, "x": 0.0}
    return pd.DataFrame(columns | {"channel": [f"s{i}" for i in place], "visit": (rng.random(n) < rate).astype(int)})


def test_a_segments_numbers_are_those_of_its_rows_alone(make, known_log, frame):
    whole = replay(known_log, ["fixed:ten", "uniform"], ["snips"])
    found = whole["segments"]["channel"]
    assert {name: each["n"] for name, each in found.items()} == frame["channel"].value_counts().to_dict()
    for name, each in found.items():
        for policy in ("fixed:ten", "uniform", "logging"):
            # One policy at a time: the bounds of several hold together, and are wider.
            alone = replay(make.log(frame[frame["channel"] == name]), [policy], ["snips"])
            for key, there in (("value", "estimates"), ("versus_logging", "versus_logging")):
                one, two = each["policies"][policy][key], alone["policies"][policy][there]["snips"]
                for number in ("value", "lower", "upper", "n"):
                    assert one[number] == pytest.approx(two[number], rel=1e-9, abs=1e-9), (policy, key, number)


def test_bounds_of_segments_are_adjusted_for_all_of_them(make):
    result = replay(make.log(segment_frame(12_000, 6, 1, effect=0.3)), ["fixed:five", "fixed:ten"], ["snips"])
    cells = {
        (segment, policy): each["policies"][policy]
        for segment, each in result["segments"]["channel"].items()
        for policy in ("fixed:five", "fixed:ten")
    }
    assert {cell["adjusted"]["comparisons"] for cell in cells.values()} == {12}
    for cell in cells.values():
        assert cell["adjusted"]["lower"] < cell["versus_logging"]["lower"]
        assert cell["differs"] == (cell["adjusted"]["lower"] > 0 or cell["adjusted"]["upper"] < 0)
    assert cells["s0", "fixed:five"]["differs"]


@pytest.mark.proof
def test_no_segment_differs_where_none_does(make):
    """12 segments, two arms, nothing between them: something differs in at most 5 % of lives."""
    lives, wrong = 300, 0
    for seed in range(lives):
        found = replay(make.log(segment_frame(4000, 12, seed)), ["fixed:five", "fixed:ten"], ["snips"])
        cells = [c for each in found["segments"]["channel"].values() for c in each["policies"].values()]
        wrong += any(cell.get("differs") for cell in cells)
    assert scipy.stats.binomtest(wrong, lives, 0.05, "greater").pvalue > 1e-3


def test_a_segment_where_a_policy_was_never_tried_has_no_number_and_says_why(make, frame):
    kept = frame[~((frame["channel"] == "web") & (frame["offer"] == "ten"))]
    result = replay(make.log(kept), ["fixed:ten", "uniform"], ["snips"])
    web, phone = (result["segments"]["channel"][name]["policies"]["fixed:ten"] for name in ("web", "phone"))
    for number in ("value", "lower", "upper"):
        assert web["value"][number] is None and web["versus_logging"][number] is None
    assert "differs" not in web and web["reason"]
    assert phone["value"]["value"] is not None
    partly = result["segments"]["channel"]["web"]["policies"]["uniform"]
    assert partly["value"]["value"] is None and "never tried" in partly["reason"]


def test_missing_and_rare_segments_are_named(make, frame):
    spoiled = frame.assign(channel=[None if i < 50 else f"v{i % 80}" for i in range(len(frame))])
    found = replay(make.log(spoiled), ["uniform"], ["ips"])["segments"]["channel"]
    assert len(found) == 50 and list(found)[-1] == "(other)" and "(missing)" in found
    assert sum(each["n"] for each in found.values()) == len(frame)
