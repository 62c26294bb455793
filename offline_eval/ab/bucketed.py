"""Means of decisions clustered by unit: ratios of totals over hashed buckets of units, stratified by revision.

Ratio estimator, linearised (Cochran 1977, *Sampling Techniques*, section 6; cluster-robust as in Cameron & Miller
2015, *A Practitioner's Guide to Cluster-Robust Inference*): with Y_sb and D_sb the total and the size of bucket b in
stratum s, R = Σ_s w_s R_s with R_s = Y_s / D_s, and Var R = B / (B - 1) Σ_b (Σ_s w_s (Y_sb - R_s D_sb) / D_s)². A unit
lies in one bucket, so that its decisions, however correlated, never count as independent. Intervals are Student's with
B - 1 degrees of freedom. They claim coverage at one look under allocation that does not react to outcomes; under a
bandit a mean of an arm is biased, and is called naive.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

from offline_eval.estimate import Estimate

Floats = NDArray[np.float64]

FEW = 50
"""With fewer events (or non-events) a share gets Clopper & Pearson's limits."""

METHOD = "bucketed_mean"
EXACT = "clopper_pearson_by_unit"


@dataclass(frozen=True, slots=True)
class Bucketed:
    """Sums of one metric in one group.

    Attributes:
        totals, sizes: shape (S, B): Y and D by stratum and bucket; a size is a number of decisions, or a cost.
        weights: shape (S,): how much each stratum counts; those of strata without size are shared by the others.
        rounds: decisions in all.
        units: units in all.
        binary: every decision's value is 0 or 1.
    """

    totals: Floats
    sizes: Floats
    weights: Floats
    rounds: int
    units: int
    binary: bool = False


def bucketed_mean(group: Bucketed, alpha: float = 0.05) -> Estimate:
    """The stratified mean with its interval; value None where there is nothing to divide by.

    `effective_n` is the number of units: a unit's decisions count as one observation.
    """
    kept = group.sizes.sum(axis=1) != 0
    if not kept.any() or group.rounds == 0:
        return Estimate(None, None, None, group.rounds, 0.0, METHOD, alpha)
    totals, sizes = group.totals[kept], group.sizes[kept]
    weights = group.weights[kept] / group.weights[kept].sum()
    size = sizes.sum(axis=1)
    means = totals.sum(axis=1) / size
    value = float(weights @ means)
    events = value * group.rounds
    if group.binary and min(events, group.rounds - events) < FEW:
        return _exact(value, group, alpha)
    residuals = (weights / size) @ (totals - means[:, None] * sizes)
    used, units = int(np.count_nonzero(sizes.any(axis=0))), float(min(group.units, group.rounds))
    if used < 2:
        return Estimate(value, None, None, group.rounds, units, METHOD, alpha)
    half = float(stdtrit(used - 1, 1 - alpha / 2)) * float(np.sqrt(used / (used - 1) * (residuals @ residuals)))
    return Estimate(value, value - half, value + half, group.rounds, units, METHOD, alpha)


def _exact(value: float, group: Bucketed, alpha: float) -> Estimate:
    """Clopper & Pearson's limits as if each unit were one trial: exact for one decision a unit, else conservative."""
    n = max(min(group.units, group.rounds), 1)
    events = value * n
    lower = float(betaincinv(events, n - events + 1, alpha / 2)) if events > 0 else 0.0
    upper = float(betaincinv(events + 1, n - events, 1 - alpha / 2)) if events < n else 1.0
    return Estimate(value, lower, upper, group.rounds, float(n), EXACT, alpha)
