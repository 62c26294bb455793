"""How far hidden reasons for the logged choices could move a policy's value: the marginal sensitivity model.

Where propensities were fitted, something that nobody recorded may have driven both the choice and the outcome. The
model says by how much at most: the odds of the logged choice given everything differ from the fitted odds by a factor
between 1/Γ and Γ,

    1/Γ ≤ [e(x)/(1 - e(x))] / [e(x, u)/(1 - e(x, u))] ≤ Γ.

Tan, *A distributional approach for causal inference using propensity scores*, JASA 2006. Each row's weight w = π/e then
lies in π [1 + (1/e - 1)/Γ, 1 + (1/e - 1) Γ], and the bounds of the self-normalised value are the extremes of
Σ w r / Σ w over these boxes, found at a threshold of r (Zhao, Small & Bhattacharya, *Sensitivity analysis for inverse
probability weighting estimators via the percentile bootstrap*, JRSS-B 2019, proposition 2). They hold and are not the
sharpest possible: quantile balancing (Dorn & Guo, JASA 2022) would narrow them.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from offline_eval.logs.batch import Floats

GAMMAS = (1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0)
MOST = 20.0
"""The largest Γ that is looked at for the one that turns the conclusion."""


@dataclass(frozen=True)
class Rows:
    """The n rows of a log seen from one policy, and who they are.

    Attributes:
        target: the policy's probability of the logged arm. propensity: the fitted one. reward: each shape (n,).
        unit: (n,) hash; rows of one unit are one observation.
    """

    target: Floats
    propensity: Floats
    reward: Floats
    unit: NDArray[np.uint64]

    def box(self, gamma: float) -> tuple[Floats, Floats]:
        """The least and the largest weight of every row, each (n,)."""
        odds = 1.0 / self.propensity - 1.0
        return self.target * (1.0 + odds / gamma), self.target * (1.0 + odds * gamma)


@dataclass(frozen=True)
class Extreme:
    """One end of a policy's value: the bound, and the weights (n,) at which it is attained."""

    value: float
    weight: Floats

    def terms(self, rows: Rows) -> Floats:
        """(n,) influence values of the bound: those of the ratio with its weights held (Danskin's theorem)."""
        return np.asarray(self.weight * (rows.reward - self.value) / self.weight.mean())


def extreme(rows: Rows, gamma: float, *, upper: bool) -> Extreme:
    """The largest (least) Σ w r / Σ w over the boxes: large weights above a threshold of r, small ones below."""
    low, high = rows.box(gamma)
    sign = 1.0 if upper else -1.0
    order = np.argsort(-sign * rows.reward, kind="stable")
    reward, small, large = rows.reward[order], low[order], high[order]
    top = np.concatenate([[0.0], np.cumsum(large * reward)]) + _after(small * reward)
    bottom = np.concatenate([[0.0], np.cumsum(large)]) + _after(small)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = sign * (top / bottom)
    best = int(np.nanargmax(values))
    weight = np.empty(len(order))
    weight[order] = np.where(np.arange(len(order)) < best, large, small)
    return Extreme(float(sign * values[best]), weight)


def _after(column: Floats) -> Floats:
    """(n + 1,) sums of what follows each place."""
    return np.concatenate([np.cumsum(column[::-1])[::-1], [0.0]])


@dataclass(frozen=True)
class Bounds:
    """A policy's value under one Γ: between `least` and `most`; with sampling error between `lower` and `upper`."""

    gamma: float
    least: float
    most: float
    lower: float
    upper: float


def bounds(rows: Rows, gamma: float, alpha: float = 0.05) -> Bounds:
    """Bounds of the SNIPS value; each end with a normal bound clustered by unit, 1 - alpha for both together."""
    z = float(scipy.stats.norm.isf(alpha / 2))
    low, high = extreme(rows, gamma, upper=False), extreme(rows, gamma, upper=True)
    below, above = (z * standard_error(end.terms(rows), rows.unit) for end in (low, high))
    return Bounds(gamma, low.value, high.value, low.value - below, high.value + above)


def margin(rows: Rows, gamma: float, sign: float, alpha: float = 0.05) -> float:
    """How far the difference from what the log itself earned stays on its side of zero; negative where it need not.

    `sign`: 1 where the policy looks better, -1 where it looks worse. The log's own mean needs no propensity.
    """
    end = extreme(rows, gamma, upper=sign < 0)
    mean = float(rows.reward.mean())
    terms = end.terms(rows) - (rows.reward - mean)
    z = float(scipy.stats.norm.isf(alpha / 2))
    return sign * (end.value - mean) - z * standard_error(terms, rows.unit)


def flips_at(rows: Rows, sign: float, alpha: float = 0.05) -> float | None:
    """The least Γ at which better (`sign` 1) or worse (-1) than the log can no longer be said: 1 where it cannot be
    said at all, None where it still can at MOST. By bisection to 0.01, since the margin only falls with Γ."""
    if margin(rows, 1.0, sign, alpha) <= 0.0:
        return 1.0
    if margin(rows, MOST, sign, alpha) > 0.0:
        return None
    low, high = 1.0, MOST
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if margin(rows, middle, sign, alpha) > 0.0 else (low, middle)
    return high


def standard_error(terms: Floats, unit: NDArray[np.uint64]) -> float:
    """Of the mean of `terms` (n,), whose rows are independent between units."""
    _, place = np.unique(unit, return_inverse=True)
    sums = np.bincount(place, terms)
    people = len(sums)
    if people < 2:
        return math.inf
    centred = sums - sums.mean()
    return float(np.sqrt(people / (people - 1) * (centred @ centred)) / len(terms))
