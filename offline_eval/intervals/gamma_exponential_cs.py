"""Gamma-exponential mixture confidence sequence for off-policy values."""

import math

import numpy as np
import scipy
from scipy.special import gammainc, gammaln

from offline_eval.intervals.evidence import Evidence, MissingEvidenceError, Range, interval
from offline_eval.intervals.sequence import Side
from offline_eval.moments import Matrix

RHO = 1.0


def log_wealth(excess: Matrix | float, variance: Matrix | float, rho: float = RHO) -> Matrix:
    """ln of the mixture of exp(λ s - ψ(λ) v) over λ in [0, 1) with a gamma prior, ψ(λ) = -ln(1 - λ) - λ.

    Howard, Ramdas, McAuliffe, Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*, Ann. Statist.
    2021, proposition 9, on s = `excess` and v = `variance`.
    """
    a, b = variance + rho, excess + variance + rho
    b = np.maximum(b, 1e-300)
    with np.errstate(divide="ignore"):
        head = np.log(gammainc(a, b)) + gammaln(a) - a * np.log(b) + excess + variance
    tail = math.log(gammainc(rho, rho)) + gammaln(rho) - rho * math.log(rho)
    return np.asarray(head - tail)


def lower_bound(total: float, variance: float, t: float, alpha: float) -> float:
    """Smallest mean in [0, 1] that the wealth at `alpha` does not refute."""
    threshold = -math.log(alpha)

    def surplus(mean: float) -> float:
        return float(log_wealth(total - t * mean, variance)) - threshold

    top = min(1.0, total / t) if t else 0.0
    if surplus(0.0) <= 0.0:
        return 0.0
    if surplus(top) >= 0.0:
        return top
    return float(scipy.optimize.brentq(surplus, 0.0, top, xtol=1e-14, rtol=1e-14))


def side_bound(side: Side, alpha: float) -> float:
    """Lower bound on the scaled mean of one side."""
    return lower_bound(side.total, side.centred, side.t, alpha)


@interval(anytime_valid=True, order_dependent=True)
def gamma_exponential_cs(evidence: Evidence, alpha: float) -> Range:
    """Karampatziakis, Mineiro, Ramdas, *Off-policy confidence sequences*, ICML 2021 (section 5.2), each side at α/2.

    Anytime-valid and non-asymptotic: may be looked at after every row, needs a known reward range and no bound on the
    weights. **Depends on the order of the rows**; cannot be merged. Assumes the rewards' range is right, and rows whose
    conditional mean weight is 1 (adaptive logging is fine). Measured under peeking in docs/results/coverage.md.
    """
    if evidence.sequence is None:
        raise MissingEvidenceError("a confidence sequence needs rows gathered in order and a known reward range")
    low, high = evidence.sequence.reward
    return (
        low + (high - low) * side_bound(evidence.sequence.lower, alpha / 2),
        high - (high - low) * side_bound(evidence.sequence.upper, alpha / 2),
    )
