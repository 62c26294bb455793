"""Weighted means and their contrasts, by what stands behind them: events, people, or amounts without a range."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
from offline_eval.ab.heterogeneity import Effect
from offline_eval.ab.logged.few_events import Limited, beta_limits, few
from offline_eval.ab.logged.people import LEAST_FREEDOM, Clustered, clustered, people_limits
from offline_eval.ab.logged.side import Bounds, Side
from offline_eval.ab.logged.skewed import shrunk, stretched, third_moment, why_withheld
from offline_eval.ab.proportion import difference_bounds, ratio_bounds
from offline_eval.ab.scarcity import DOZENS, FEW
from offline_eval.estimate import Estimate

HAJEK, BY_UNIT, EXACT, EXACT_BY_UNIT = "hajek", "hajek_by_unit", "hajek_beta", "hajek_beta_by_unit"

SMALLEST, LARGEST = 1e-100, 0.999
"""A p-value found by search lies between them, or is 1."""


@dataclass(frozen=True, slots=True)
class Ask:
    """How a metric is read: its level, whether it is 0 or 1, and between which bounds it is known to lie."""

    alpha: float
    zero_or_one: bool = False
    bounds: Bounds | None = None


def weighted_mean(side: Side, ask: Ask) -> Estimate:
    """One side's mean; without bounds where too little stands behind them, value None without rows."""
    by_unit = side.people is not None
    if not side.n or side.weight <= 0:
        return Estimate(None, None, None, 0, 0.0, BY_UNIT if by_unit else HAJEK, ask.alpha)
    bare = Estimate(side.mean, None, None, side.n, side.effective, BY_UNIT if by_unit else HAJEK, ask.alpha)
    if ask.bounds is not None and (by_unit or few(side.scaled(ask.bounds))):
        limits = _limits(side, ask.bounds, ask.alpha)
        return replace(bare, lower=limits.lower, upper=limits.upper, method=EXACT_BY_UNIT if by_unit else EXACT)
    known = _known((side,))
    if known.freedom < LEAST_FREEDOM or not known.variances[0] or (ask.bounds is None and why_withheld((side,))):
        return bare
    critical, error = float(stdtrit(known.freedom, 1 - ask.alpha / 2)), known.variances[0] ** 0.5
    skew = 0.0 if ask.bounds else _skews(known, (side,), 1.0)[0]
    low, high = (side.mean + sign * stretched(critical, sign * skew) * error for sign in (-1, 1))
    found = replace(bare, lower=low, upper=high)
    return found.held_within(*ask.bounds) if ask.bounds else found


def weighted_contrast(top: Side, bottom: Side, ask: Ask) -> Contrast:
    """Treated minus control. Needs rows on both sides.

    Which interval: for a metric with a known range, the two means' own limits (Zou & Donner 2008) where either has few
    events, else Student's; between units where these have several rows; for amounts without a range Student's with room
    for skewness, or none, and then it is said why.
    """
    by_unit = top.people is not None
    rule, sizes = Rule(0.0, ask.alpha, BY_UNIT if by_unit else HAJEK), Sizes(top.n, bottom.n)
    known, gap = _known((top, bottom)), top.mean - bottom.mean
    if known.freedom < LEAST_FREEDOM:
        found = unknown(sizes, rule, gap, f"too few people: nearly all rows come from {_told(known.people)}")
    elif ask.bounds is not None and _any_few(top, bottom, ask):
        found = _from_limits(top, bottom, ask)
    elif ask.bounds is None and (why := why_withheld((top, bottom))):
        found = unknown(sizes, rule, gap, why)
    else:
        found = _students(top, bottom, known, ask)
    return _counted(found, top, bottom, known)


def effect_of(top: Side, bottom: Side, zero_or_one: bool) -> Effect | None:
    """The difference and its variance, whatever the level of any interval; None with too few events or people."""
    if not (top.n and bottom.n) or min(top.events(zero_or_one), bottom.events(zero_or_one)) < DOZENS:
        return None
    known = _known((top, bottom))
    if known.freedom < (DOZENS if top.people is not None else LEAST_FREEDOM):
        return None
    return Effect(top.mean - bottom.mean, _variance(known))


def _limits(side: Side, bounds: Bounds, alpha: float) -> Limited:
    scaled, (low, high) = side.scaled(bounds), bounds
    found = people_limits(scaled, alpha) if side.people is not None else beta_limits(scaled, alpha)
    return Limited(*(low + (high - low) * each for each in found))


def _any_few(top: Side, bottom: Side, ask: Ask) -> bool:
    sides = [side.scaled(ask.bounds) for side in (top, bottom) if ask.bounds]
    if top.people is None:
        return any(few(side) for side in sides)
    return min(side.events(ask.zero_or_one) for side in (top, bottom)) < FEW


def _known(sides: tuple[Side, ...]) -> Clustered:
    """Variances between units, or between rows where every unit has one: then the freedom is Welch's."""
    if sides[0].people is not None:
        return clustered(sides)
    variances = tuple(side.variance for side in sides)
    people = sum(side.n for side in sides)
    lost = sum(v**2 / max(side.alike - 1, 1e-9) for v, side in zip(variances, sides, strict=True))
    freedom = sum(variances) ** 2 / lost if lost > 0 else float(people - len(sides))
    return Clustered(variances, 0.0, freedom if min(side.n for side in sides) > 1 else 0.0, people)


def _variance(known: Clustered) -> float:
    return max(sum(known.variances) - 2 * known.covariance, 0.0)


def _skews(known: Clustered, sides: tuple[Side, ...], error: float) -> tuple[float, ...]:
    """Of each mean as a part of the difference's error; 1.0 stands for a mean's own."""
    thirds = [third_moment(side) / side.weight**3 for side in sides]
    scale = known.variances[0] ** 1.5 if len(sides) == 1 else error**3
    return tuple(third / scale if scale > 0 else 0.0 for third in thirds)


def _students(top: Side, bottom: Side, known: Clustered, ask: Ask) -> Contrast:
    means = Means(top.mean, bottom.mean, known.variances[0], known.variances[1], known.covariance)
    sizes, error = Sizes(top.n, bottom.n), _variance(known) ** 0.5
    critical = float(stdtrit(known.freedom, 1 - ask.alpha / 2))
    skews = (0.0, 0.0) if ask.bounds or not error else _skews(known, (top, bottom), error)
    # A skewed treated mean is more often too low, a skewed control too high a difference.
    above, below = skews[0] - skews[1], skews[1] - skews[0]
    rule = Rule(critical, ask.alpha, HAJEK if top.people is None else BY_UNIT)
    p_value = None
    if error:
        z = (means.top - means.bottom) / error
        p_value = 2 * float(stdtr(known.freedom, -shrunk(z, below if z > 0 else above)))
    low, high = (
        contrast_of(means, sizes, replace(rule, critical=stretched(critical, skew)), p_value) for skew in (below, above)
    )
    found = replace(
        high,
        absolute=replace(high.absolute, lower=low.absolute.lower),
        relative=replace(high.relative, lower=low.relative.lower),
    )
    if low.note and not high.note:
        found = replace(found, relative=low.relative, note=low.note)
    return _held(found, ask.bounds)


def _held(contrast: Contrast, bounds: Bounds | None) -> Contrast:
    """A difference of two numbers between the bounds is at most as large as the distance of these."""
    if bounds is None:
        return contrast
    span = bounds[1] - bounds[0]
    return replace(contrast, absolute=contrast.absolute.held_within(-span, span))


def _from_limits(top: Side, bottom: Side, ask: Ask) -> Contrast:
    bounds = ask.bounds or (0.0, 1.0)
    sizes = Sizes(top.n, bottom.n)
    method = EXACT if top.people is None else EXACT_BY_UNIT
    one, other = _limits(top, bounds, ask.alpha), _limits(bottom, bounds, ask.alpha)

    def estimate(value: float | None, lower: float | None, upper: float | None) -> Estimate:
        return Estimate(value, lower, upper, sizes.n, sizes.effective_n, method, ask.alpha)

    absolute = estimate(one.value - other.value, *difference_bounds(one, other))
    relative, note = estimate(None, None, None), "no relative lift: the metric may be below 0"
    if bounds[0] == 0:
        lower, upper = ratio_bounds(one, other)
        value = one.value / other.value - 1 if other.value > 0 else None
        relative = estimate(value, lower - 1, None if upper is None else upper - 1)
        note = "" if upper is not None else "relative lift unbounded: the control's mean may be 0"
    p_value = _p_by_search(top, bottom, bounds)
    return _held(Contrast(absolute, relative, p_value, note), bounds)


def _p_by_search(top: Side, bottom: Side, bounds: Bounds) -> float:
    """The least level at which the interval leaves 0 out, so that p and interval never contradict each other."""

    def leaves_out(log_alpha: float) -> bool:
        limits = [_limits(side, bounds, float(np.exp(log_alpha))) for side in (top, bottom)]
        low, high = difference_bounds(*limits)
        return low > 0 or high < 0

    low, high = float(np.log(SMALLEST)), float(np.log(LARGEST))
    if not leaves_out(high):
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if leaves_out(middle) else (middle, high)
    return float(np.exp(high))


def _counted(contrast: Contrast, top: Side, bottom: Side, known: Clustered) -> Contrast:
    """With the effective size of rows as they are weighted, or of people."""
    effective = 4 / (1 / top.effective + 1 / bottom.effective)
    if top.people is not None:
        effective = min(effective, float(known.people))
    return replace(
        contrast,
        absolute=replace(contrast.absolute, effective_n=effective),
        relative=replace(contrast.relative, effective_n=effective),
    )


def _told(people: int) -> str:
    return "one unit" if people == 1 else f"one or two of {people} units"
