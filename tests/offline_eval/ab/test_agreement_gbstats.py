"""The same numbers as gbstats 0.8.0, GrowthBook's engine, wherever it computes the same thing, to 1e-9.

Its answers were written by `tests/fixtures/gbstats_answers.py`, with the sums that they come from. Where the two differ
by definition:

- A share's variance is p (1 - p) there, with n / (n - 1) here.
- Relative intervals there are the delta method's with Student's quantile. Ours are Fieller's sets, except those of
  `large_sample`, which are the delta method's with the normal quantile.
- CUPED's slope there is that of all units together, here that of the groups pooled: equal where the covariate's means
  are.
- Its sequence counts time in units of both groups, ours in those of an equal split that would be as informative; equal
  for groups of one size. The two tunings differ to first order and are made the same here.
- It replaces what cannot be told (a control at 0, no variance) by an effect of 0 with p = 1; ours gives no number.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, t

from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.comparisons.welch import degrees_of_freedom
from offline_eval.ab.contrast import Contrast, Sizes
from offline_eval.ab.fieller import Means
from offline_eval.ab.sample import Sample
from offline_eval.ab.sequential import mixture_critical, mixture_p_value, tuning
from offline_eval.estimate import Estimate

ANSWERS = json.loads((Path(__file__).resolve().parents[2] / "fixtures" / "gbstats_answers.json").read_text())
TIGHT = {"rel": 1e-9, "abs": 1e-12}
SECOND = {"ratio": "denominator", "cuped": "x"}


def sample_of(case: str, side: str) -> Sample:
    s = ANSWERS[case][side]
    mean = np.array([s["y"], s["x"]]) / s["n"]
    scatter = np.array([[s["yy"], s["xy"]], [s["xy"], s["xx"]]]) - s["n"] * np.outer(mean, mean)
    kept = 2 if case in SECOND else 1
    columns = ("value", SECOND.get(case, ""))[:kept]
    events = round(s["y"]) if case == "binary" else s["n"]
    return Sample(columns, s["n"], mean[:kept], scatter[:kept, :kept], events, case == "binary")


def compared(case: str, by: str) -> Contrast:
    return COMPARISONS[by]().compare(sample_of(case, "treated"), sample_of(case, "control"))


def numbers(one: Estimate) -> tuple[float | None, ...]:
    return one.value, one.lower, one.upper


def theirs(case: str, kind: str) -> tuple[float, ...]:
    return tuple(ANSWERS[case][kind][name] for name in ("value", "lower", "upper"))


@pytest.mark.parametrize(("case", "by"), [("revenue", "welch"), ("ratio", "ratio"), ("cuped", "cuped")])
def test_differences_their_bounds_and_p_values_agree(case: str, by: str) -> None:
    mine = compared(case, by)
    assert numbers(mine.absolute) == pytest.approx(theirs(case, "absolute"), **TIGHT)
    assert mine.p_value == pytest.approx(ANSWERS[case]["absolute"]["p"], rel=1e-9, abs=1e-13)
    if case != "cuped":  # it divides by the unadjusted control's mean
        assert mine.relative.value == pytest.approx(ANSWERS[case]["relative"]["value"], **TIGHT)


def test_shares_agree_once_their_variance_is_divided_alike() -> None:
    n = {side: ANSWERS["binary"][side]["n"] for side in ("treated", "control")}
    rate = {side: ANSWERS["binary"][side]["y"] / n[side] for side in n}
    v = {side: rate[side] * (1 - rate[side]) / n[side] for side in n}
    freedom = sum(v.values()) ** 2 / sum(v[side] ** 2 / (n[side] - 1) for side in n)
    half = t.ppf(0.975, freedom) * math.sqrt(sum(v.values()))
    value, lower, upper = theirs("binary", "absolute")
    assert (value - half, value + half) == pytest.approx((lower, upper), **TIGHT)

    mine = compared("binary", "welch").absolute
    assert mine.value == pytest.approx(value, **TIGHT)
    own = {side: v[side] * n[side] / (n[side] - 1) for side in n}
    means = Means(rate["treated"], rate["control"], own["treated"], own["control"])
    wider = t.ppf(0.975, degrees_of_freedom(means, Sizes(n["treated"], n["control"]))) * math.sqrt(sum(own.values()))
    assert (mine.lower, mine.upper) == pytest.approx((value - wider, value + wider), **TIGHT)


def test_relative_bounds_agree_once_the_quantile_is_the_same() -> None:
    mine, (value, _, upper) = compared("revenue", "large_sample").relative, theirs("revenue", "relative")
    sides = [sample_of("revenue", side) for side in ("treated", "control")]
    means = Means(sides[0].value, sides[1].value, *(side.variance / side.n for side in sides))
    quantile = t.ppf(0.975, degrees_of_freedom(means, Sizes(sides[0].n, sides[1].n)))
    assert mine.value == pytest.approx(value, **TIGHT)
    assert mine.upper is not None
    assert (mine.upper - mine.value) / norm.ppf(0.975) == pytest.approx((upper - value) / quantile, rel=1e-9)


def test_sequences_agree_under_the_same_tuning() -> None:
    alpha, units = 0.05, 5000.0
    log_alpha = -2 * math.log(alpha)
    # Equation 10 of Waudby-Smith et al. to the order that gbstats takes, as a number of units of ours.
    tightest_at = units * (log_alpha + math.log(log_alpha) + 1) / (log_alpha + math.log(log_alpha + 1))
    assert tuning(alpha, tightest_at) == pytest.approx((log_alpha + math.log(log_alpha + 1)) / units, rel=1e-12)

    sides = [sample_of("sequential", side) for side in ("treated", "control")]
    error = math.sqrt(sum(side.variance / side.n for side in sides))
    time = Sizes(sides[0].n, sides[1].n).effective_n
    value, lower, upper = theirs("sequential", "absolute")
    half = mixture_critical(time, alpha, tightest_at) * error
    assert (value - half, value + half) == pytest.approx((lower, upper), **TIGHT)
    p_value = ANSWERS["sequential"]["absolute"]["p"]
    assert mixture_p_value(value / error, time, alpha, tightest_at) == pytest.approx(p_value, **TIGHT)
