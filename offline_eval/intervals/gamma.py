"""Gamma interval for a weighted sum of few events."""

import math

from scipy.special import gammaincinv

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval
from offline_eval.intervals.known import Known
from offline_eval.intervals.sums import FiveSums


def gamma_bounds(total: float, squares: float, largest: float, alpha: float) -> Range:
    """Bounds on the expected sum of weighted events: gamma quantiles that match its mean and variance, with one more
    event of the largest possible weight at the upper end.

    Args:
        total, squares: Σ x and Σ x² over the events. largest: the largest weight that one event may have.
    """
    return _quantile(alpha / 2, total, squares), _quantile(1.0 - alpha / 2, total + largest, squares + largest**2)


def _quantile(chance: float, mean: float, variance: float) -> float:
    return float(gammaincinv(mean**2 / variance, chance)) * variance / mean if variance > 0 else mean


@interval()
def gamma(evidence: Evidence, alpha: float) -> Range:
    """Fay & Feuer, *Confidence intervals for directly standardized rates: a method based on the gamma distribution*,
    Statistics in Medicine 1997, on x = w (r - lowest), or on w (highest - r) where these events are fewer.

    The number of events is taken as Poisson, so that no large number of them is needed: it covers at every expected
    number of events, from a fraction of one on (measured in docs/results/coverage.md, "rare rewards"), for a fixed
    number of rows and weights within the known bounds (where none are known: the largest observed). Rows count by the
    inverse of the design effect where units have many. Needs a known reward range; wide where a weight that was hardly
    ever seen may be large. What was never tried adds its share of the whole range.
    """
    known = evidence.known
    if known.reward_range is None or not all(map(math.isfinite, known.reward_range)):
        raise MissingEvidenceError("the gamma interval needs a known reward range")
    low, high = known.reward_range
    sums, (above, below), untried = FiveSums.of(evidence.moments), known.effective_events, known.untried * (high - low)
    if above <= below:
        lower, upper = mean_bounds(sums.above(low), known, alpha)
        return low + lower, min(low + upper + untried, high)
    lower, upper = mean_bounds(sums.mirrored().above(-high), known, alpha)
    return max(high - upper - untried, low), high - lower


def mean_bounds(sums: FiveSums, known: Known, alpha: float) -> Range:
    """Bounds on the mean of w r of rewards that are at least 0."""
    low, high = known.reward_range or (0.0, 1.0)
    largest = (high - low) * known.heaviest * known.effect
    lower, upper = gamma_bounds(max(sums.wr, 0.0), sums.wwrr * known.effect, largest, alpha)
    return lower / sums.n, upper / sums.n
