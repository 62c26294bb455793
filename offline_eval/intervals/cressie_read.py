"""Cressie–Read (power -2) interval from five sums."""

import math

import scipy

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval
from offline_eval.intervals.sums import FiveSums

ROUNDING = 1e-12
"""A variance below this part of the squares that it is a difference of is rounding: nothing varies."""


def _slack(sums: FiveSums, weights: Range, quantile: float) -> float:
    """φ: how far a reweighting may lie from the likeliest one."""
    extra = weights[1] if sums.w < sums.n else weights[0]
    if math.isinf(extra):
        likeliest = 1 + 1 / sums.n
    else:
        mean, square = (extra + sums.w) / (1 + sums.n), (extra**2 + sums.ww) / (1 + sums.n)
        likeliest = (1 + sums.n) * (mean - 1) ** 2 / (square - mean**2)
    return (-likeliest - quantile) / (2 * (1 + sums.n))


def _candidate(sums: FiveSums, extra: float, reward: float, slack: float) -> float | None:
    """Least value among reweightings of the rows and one unseen row (extra, reward); None where none is feasible."""
    n = sums.n
    if math.isinf(extra):
        x = reward + (sums.wr - sums.w * reward) / n
        squares = reward**2 * sums.ww - 2 * reward * sums.wwr + sums.wwrr
        y = (reward * sums.w - sums.wr) ** 2 / (n * (1 + n)) - squares / (1 + n)
        z = slack + 1 / (2 * n)
        size = (reward**2 * sums.ww + sums.wwrr) / (1 + n)
    else:
        m = 1 + n
        w, ww = (extra + sums.w) / m, (extra**2 + sums.ww) / m
        wr, wwr = (extra * reward + sums.wr) / m, (extra**2 * reward + sums.wwr) / m
        wwrr = (extra**2 * reward**2 + sums.wwrr) / m
        spread = ww - w**2
        if spread <= ROUNDING * ww:
            return None
        slope = (wwr - w * wr) / spread
        x = wr + (1 - w) * slope
        y = slope**2 * spread - (wwrr - wr**2)
        z = slack + (1 - w) ** 2 / (2 * spread)
        size = wwrr + slope**2 * ww
    y = 0.0 if y >= -ROUNDING * size else y
    z = 0.0 if abs(z) <= ROUNDING * abs(slack) else z
    return x - math.sqrt(2 * y * z) if z <= 0 else None


def _lower(sums: FiveSums, weights: Range, reward: float, quantile: float) -> float:
    slack = _slack(sums, weights, quantile)
    found = [_candidate(sums, extra, reward, slack) for extra in weights]
    feasible = [value for value in found if value is not None]
    return min(feasible) if feasible else reward


@interval(asymptotic=True)
def cressie_read(evidence: Evidence, alpha: float) -> Range:
    """Least and greatest value among reweightings of the log within a Cressie–Read (λ = -2) divergence that have mean
    weight 1, one unseen row at the bounds of weight and reward included.

    Karampatziakis, Langford, Mineiro, *Empirical likelihood for contextual bandits*, NeurIPS 2020, with the Euclidean
    divergence in closed form; rows count by the inverse of the design effect where units have many. Asymptotic, for a
    fixed number of rows; needs a known reward range, and known weight bounds make it tighter. Covers well above
    nominal where weights are heavy (docs/results/coverage.md). Where all weights are 1 and all rewards the same it is
    that one point, which claims too much for rewards at an end of their range (no event yet): never the default there,
    see `rule`.
    """
    if evidence.known.reward_range is None:
        raise MissingEvidenceError("Cressie–Read needs a known reward range")
    low, high = evidence.known.reward_range
    sums = FiveSums.of(evidence.moments).thinned(evidence.known.effect)
    quantile = float(scipy.stats.f.isf(alpha, 1, sums.n))
    weights = evidence.known.weight_range
    lower = _lower(sums, weights, low, quantile) if math.isfinite(low) else -math.inf
    upper = -_lower(sums.mirrored(), weights, -high, quantile) if math.isfinite(high) else math.inf
    return min(max(lower, low), high), max(min(upper, high), low)
