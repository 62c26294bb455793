"""From weighted scores to bounds: at one look, and at any number of looks."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.adaptive.arm_contrast import ArmContrast, events_of, without_bounds
from offline_eval.ab.adaptive.cells import Floats
from offline_eval.ab.adaptive.known_range import KnownRange
from offline_eval.ab.adaptive.question import Question
from offline_eval.ab.adaptive.reach import Limits
from offline_eval.ab.adaptive.skewness import Skewness, shrunk, stretched
from offline_eval.ab.adaptive.weighing import deviations, error_of, weighted, weighted_means, z_of
from offline_eval.ab.fieller import Means, relative_lift
from offline_eval.ab.limits import UNLIMITED
from offline_eval.ab.sequential import BURN_IN, mixture_critical, mixture_p_value
from offline_eval.estimate import Estimate

AIM = 4.0
"""The asymptotic sequence is tightest at this many times the information it had when its burn-in ended."""

SKEWED = 0.5
"""Beyond this bound on the skewness of a mean, bounds come from the range alone."""

SKEWED_UNBOUNDED = 0.1
"""Where no range is known the skewness is a guess, and tails hide: no bounds beyond this one (docs/results)."""

Verdict = tuple[tuple[float, float], float]
"""((critical value below, above), p-value)"""


def plain_look(asked: Question, means: Means | None, method: str) -> ArmContrast:
    """Student's t on plain means."""
    note = few_note(asked)
    if means is None or note:
        value = None if means is None else means.top - means.bottom
        return without_bounds(asked.found, method, asked.alpha, value, note or "too few draws")
    return _stated(asked, means, _student(asked, means, Skewness(0.0, 0.0)), method)


def one_look(asked: Question, weights: Floats, method: str) -> ArmContrast:
    """Student's t, stretched on the side where skewed data mislead; from the range alone where they are too skewed.

    Degrees of freedom: the scarcer arm's expected events. Skewness is bounded by the known limits and the cells'
    largest 1/p (`skewness`). Without known limits it is estimated from the rewards' coefficient of variation, and
    nothing is bounded beyond a skewness of .1: no interval for unbounded means holds everywhere (Bahadur & Savage 1956,
    Ann. Math. Stat. 27), and this one is wrong and shown in at most 6 % of samples of the tails in
    docs/results/arm_contrasts.md.
    """
    means = weighted_means(asked.pair, weights)
    skew = asked.skewness(weights, means.top - means.bottom)
    if asked.limits is not None and skew.larger > SKEWED:
        return sequence(asked, asked.limits, method)
    note = "" if asked.limits is not None else few_note(asked) or skewed_note(asked, skew)
    if note or error_of(means) == 0:
        value = means.top - means.bottom
        return without_bounds(asked.found, method, asked.alpha, value, note or "nothing varies")
    return _stated(asked, means, _student(asked, means, skew), method)


def asymptotic_sequence(asked: Question, weights: Floats, method: str) -> ArmContrast:
    """The weighted estimate with an asymptotic confidence sequence, for metrics that nothing bounds.

    Waudby-Smith et al. (2024), theorem 2.5 (martingale form): S ± √((V ρ² + 1)/ρ² · ln((V ρ² + 1)/α²)), V the sum of
    squared weighted deviations; ρ² is fixed by V at the end of the burn-in, so that merging and scaling change nothing.
    Burn-in: 50 expected events of the scarcer arm; and no bounds while the estimated skewness is above .1. The relative
    bounds use the difference's critical value.
    """
    found = asked.found
    means = weighted_means(asked.pair, weights)
    value = means.top - means.bottom
    skew = asked.skewness(weights, value)
    note = few_note(asked) or skewed_note(asked, skew)
    if note or error_of(means) == 0:
        return without_bounds(found, method, asked.alpha, value, note or "nothing varies")
    gathered = np.cumsum(weights**2 * deviations(found, weighted(found, weights)[0]))
    ended = int(np.flatnonzero(found.expected_events >= BURN_IN)[0])
    time = float(gathered[-1] / gathered[ended]) if gathered[ended] > 0 else 1.0
    critical = mixture_critical(time, asked.alpha, AIM)
    p_value = mixture_p_value(z_of(means), time, asked.alpha, AIM)
    below, above = stretched(critical, skew.below), stretched(critical, skew.above)
    return _stated(asked, means, ((below, above), p_value), method)


def sequence(asked: Question, limits: Limits, method: str) -> ArmContrast:
    """Bounds that hold at any look in a metric whose range is known, see `KnownRange`."""
    found = asked.found
    known = KnownRange.of(asked.pair, asked.reach, limits)
    value = known.value
    if value is None or not found.chosen:
        return without_bounds(found, method, asked.alpha, value, few_note(asked) or "no probability is known")
    lower, upper = known.bounds(asked.alpha)
    relative = None
    bottom = known.control_value
    if bottom is not None and bottom > 0:
        ratios = known.ratio_bounds(asked.alpha) if limits[0] >= 0 else (None, None)
        relative = _estimate(asked, value / bottom, [None if r is None else r - 1 for r in ratios], method)
    absolute = _estimate(asked, value, [lower, upper], method)
    return ArmContrast(absolute, relative, known.p_value(), found.share, events_of(found))


def few_note(asked: Question) -> str:
    """Why there are no bounds, where there are too few events; "" where there are enough."""
    events = events_of(asked.found)
    return f"too few: {events:.0f} expected events of the {BURN_IN} needed" if events < BURN_IN else ""


def skewed_note(asked: Question, skew: Skewness) -> str:
    """Why there are no bounds, where a few large values may decide and nothing bounds them."""
    if asked.limits is not None or skew.larger <= SKEWED_UNBOUNDED:
        return ""
    return UNLIMITED


def _student(asked: Question, means: Means, skew: Skewness) -> Verdict:
    """The normal quantile would be a little narrow."""
    freedom = max(events_of(asked.found), 1.0)
    critical, z = float(stdtrit(freedom, 1 - asked.alpha / 2)), z_of(means)
    left = shrunk(z, skew.below if z > 0 else skew.above)
    return (stretched(critical, skew.below), stretched(critical, skew.above)), 2 * float(stdtr(freedom, -left))


def _stated(asked: Question, means: Means, verdict: Verdict, method: str) -> ArmContrast:
    value, error = means.top - means.bottom, error_of(means)
    (below, above), p_value = verdict
    relative = None
    if asked.control is not None and means.bottom:
        lift = relative_lift(means, max(below, above))
        relative = _estimate(asked, value / abs(means.bottom), [lift.lower, lift.upper], method)
    absolute = _estimate(asked, value, [value - below * error, value + above * error], method)
    return ArmContrast(absolute, relative, p_value, asked.found.share, events_of(asked.found))


def _estimate(asked: Question, value: float, bounds: Sequence[float | None], method: str) -> Estimate:
    found = asked.found
    return Estimate(value, bounds[0], bounds[1], found.rounds, float(found.chosen), method, asked.alpha)
