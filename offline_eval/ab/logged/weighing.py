"""Weighted means and their contrasts, by what stands behind them: events, people, or amounts without a range."""

from dataclasses import replace

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.contrast import (
    CONTROL_AT_ZERO,
    CONTROL_MAY_BE_ZERO,
    Contrast,
    Rule,
    Sizes,
    contrast_of,
    unknown,
)
from offline_eval.ab.fieller import Means
from offline_eval.ab.heterogeneity import Effect
from offline_eval.ab.logged.asking import BY_UNIT, EXACT, EXACT_BY_UNIT, HAJEK, Ask, limits_of
from offline_eval.ab.logged.few_events import few
from offline_eval.ab.logged.people import LEAST_FREEDOM, Clustered
from offline_eval.ab.logged.side import Bounds, Side
from offline_eval.ab.logged.skewed import shrunk, stretched, why_withheld
from offline_eval.ab.logged.variances import known_of, skews_of, variance_of
from offline_eval.ab.logged.weighted_means import few_behind
from offline_eval.ab.proportion import difference_bounds, ratio_bounds
from offline_eval.ab.scarcity import DOZENS, FEW
from offline_eval.estimate import Estimate

SMALLEST, LARGEST = 1e-100, 0.999
"""A p-value found by search lies between them, or is 1."""


def weighted_contrast(top: Side, bottom: Side, ask: Ask) -> Contrast:
    """Treated minus control. Needs rows on both sides.

    Which interval: for a metric with a known range, the two means' own limits (Zou & Donner 2008) where either has few
    events, else Student's; between units where these have several rows; for amounts without a range Student's with room
    for skewness, or none, and then it is said why.
    """
    by_unit = top.people is not None
    rule, sizes = Rule(0.0, ask.alpha, BY_UNIT if by_unit else HAJEK), Sizes(top.n, bottom.n)
    known, gap = known_of((top, bottom)), top.mean - bottom.mean
    if known.freedom < LEAST_FREEDOM:
        found = unknown(sizes, rule, gap, few_behind(known.people, by_unit))
    elif ask.bounds is not None and (_any_few(top, bottom, ask) or not (by_unit or variance_of(known))):
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
    known = known_of((top, bottom))
    if known.freedom < (DOZENS if top.people is not None else LEAST_FREEDOM):
        return None
    return Effect(top.mean - bottom.mean, variance_of(known))


def _any_few(top: Side, bottom: Side, ask: Ask) -> bool:
    sides = [side.scaled(ask.bounds) for side in (top, bottom) if ask.bounds]
    if top.people is None:
        return any(few(side) for side in sides)
    return min(side.events(ask.zero_or_one) for side in (top, bottom)) < FEW


def _students(top: Side, bottom: Side, known: Clustered, ask: Ask) -> Contrast:
    means = Means(top.mean, bottom.mean, known.variances[0], known.variances[1], known.covariance)
    sizes, error = Sizes(top.n, bottom.n), variance_of(known) ** 0.5
    critical = float(stdtrit(known.freedom, 1 - ask.alpha / 2))
    skews = (0.0, 0.0) if ask.bounds or not error else skews_of(known, (top, bottom), error)
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
    one, other = limits_of(top, bounds, ask.alpha), limits_of(bottom, bounds, ask.alpha)

    def estimate(value: float | None, lower: float | None, upper: float | None) -> Estimate:
        return Estimate(value, lower, upper, sizes.n, sizes.effective_n, method, ask.alpha)

    absolute = estimate(one.value - other.value, *difference_bounds(one, other))
    relative, note = estimate(None, None, None), "relative lift not computed: the metric may be below 0"
    if bounds[0] == 0 and other.value <= 0:
        note = CONTROL_AT_ZERO
    elif bounds[0] == 0:
        lower, upper = ratio_bounds(one, other)
        relative = estimate(one.value / other.value - 1, lower - 1, None if upper is None else upper - 1)
        note = "" if upper is not None else CONTROL_MAY_BE_ZERO
    p_value = _p_by_search(top, bottom, bounds)
    return _held(Contrast(absolute, relative, p_value, note), bounds)


def _p_by_search(top: Side, bottom: Side, bounds: Bounds) -> float:
    """The least level at which the interval leaves 0 out, so that p and interval never contradict each other."""

    def leaves_out(log_alpha: float) -> bool:
        limits = [limits_of(side, bounds, float(np.exp(log_alpha))) for side in (top, bottom)]
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
