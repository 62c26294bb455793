"""Intervals of means of units that are known to lie within limits: at every look, and at one.

No interval of a mean keeps its level and tells anything where nothing is known of the tail (Bahadur & Savage 1956, Ann.
Math. Stat. 27, 1115-1122). With limits one unit can move an estimate only so far, and that is all that is used here.

At every look: with ξ ≥ -1 and E ξ = 0, exp(λ Σξ - ψ(λ) Σξ²), ψ(λ) = -ln(1 - λ) - λ, is a supermartingale for each λ in
[0, 1) (Fan, Grama & Liu 2015, *Exponential inequalities for martingales with applications*, Electron. J. Probab. 20),
and so is its mixture over a gamma prior, which is known in closed form (Howard, Ramdas, McAuliffe & Sekhon 2021, Ann.
Statist. 49, prop. 9). ξ is a unit's part of the estimate's error over the farthest that one unit can move it. Both sums
are functions of the totals: S = error / pull, V = variance / pull². Where S is large and V counts few big units, the
boundary is linear in `pull`, and where there are many it is that of a normal mixture.

At one look: Student's interval, each side longer by (2 z² + 1) / 6 times the largest third moment that limits and
variance allow (Johnson 1978, JASA 73, 536-544; Hall 1992, J. R. Stat. Soc. B 54, 221-228), E|ξ|³ ≤ pull · variance.

Levels and prices are measured in docs/results/readout_money.md.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from offline_eval.ab.fieller import Means
from offline_eval.intervals.gamma_exponential_cs import log_wealth

Floats = NDArray[np.float64]

RHO = 5.0
"""The mixture is tightest when about fifty units at the limit, or as much variance, stand behind the scarcer group."""

NODES = np.linspace(math.log(1e-6), math.log(1e9), 301)
"""Logarithms of the variances at which the boundary is computed; between them it is interpolated."""

SLACK = 1e-4
"""Added to the logarithm of the evidence that is asked for, because interpolation loses up to 4e-5 of it."""


class Pull(NamedTuple):
    """How far one unit can move an estimate, upwards and downwards, in the estimate's own unit."""

    up: float
    down: float

    @classmethod
    def of_difference(cls, top: "Pull", bottom: "Pull") -> "Pull":
        """Of the difference of two means of different units."""
        return cls(max(top.up, bottom.down), max(top.down, bottom.up))


class Sides(NamedTuple):
    """Distances from the estimate to its bounds."""

    below: float
    above: float


def at_every_look(variance: float, pull: Pull, alpha: float) -> Sides:
    """Bounds of which each is ever wrong at most at rate alpha / 2. `variance` is the estimate's."""
    return Sides(_reach(variance, pull.down, alpha), _reach(variance, pull.up, alpha))


def p_at_every_look(error: float, variance: float, pull: Pull) -> float:
    """Always-valid p-value of "the true value is `error` away from the estimate": twice one over the evidence."""
    builder = pull.down if error > 0 else pull.up
    if builder <= 0:
        return 1.0
    found = float(log_wealth(abs(error) / builder, variance / builder**2, RHO))
    return min(1.0, 2 * math.exp(-min(found, 700.0)))


def at_one_look(means: Means, pulls: tuple[Pull, Pull], critical: float) -> Sides:
    """Bounds of the difference of the means at one look; `critical` is Student's."""
    below, above = thirds(means, pulls)
    error, longer = error_of(means), (2 * critical**2 + 1) / 6
    return Sides(critical * error + longer * below, critical * error + longer * above)


def of_one_mean(variance: float, pull: Pull, critical: float) -> Sides:
    """Bounds of one mean at one look."""
    return at_one_look(Means(0.0, 0.0, variance, 0.0), (pull, Pull(0.0, 0.0)), critical)


def p_at_one_look(means: Means, pulls: tuple[Pull, Pull], freedom: float) -> float:
    """The level at which the bound of `at_one_look` that faces 0 reaches it. Needs means that vary."""
    error, gap = error_of(means), means.top - means.bottom
    below, above = thirds(means, pulls)
    builder = below if gap > 0 else above
    room = abs(gap) - builder / 6
    if room <= 0:
        return 1.0
    z = (math.sqrt(error**2 + 4 / 3 * builder * room) - error) / (2 / 3 * builder) if builder else room / error
    return 2 * float(stdtr(freedom, -z))


def thirds(means: Means, pulls: tuple[Pull, Pull]) -> Sides:
    """The largest third moments of the difference, downwards and upwards, over its variance."""
    top, bottom = pulls
    variance = error_of(means) ** 2
    if not variance:
        return Sides(0.0, 0.0)
    below = top.down * means.top_variance + bottom.up * means.bottom_variance
    above = top.up * means.top_variance + bottom.down * means.bottom_variance
    return Sides(below / variance, above / variance)


def error_of(means: Means) -> float:
    """Standard error of top - bottom."""
    return math.sqrt(max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0))


def _reach(variance: float, pull: float, alpha: float) -> float:
    if pull <= 0:
        return 0.0
    return pull * math.exp(float(np.interp(math.log(max(variance / pull**2, 1e-6)), NODES, _boundary(alpha))))


@lru_cache(maxsize=256)
def _boundary(alpha: float) -> Floats:
    """Logarithm of the S that refutes at alpha / 2, at each of NODES."""
    variance, threshold = np.exp(NODES), math.log(2 / alpha) + SLACK
    low, high = np.zeros(len(NODES)), 20.0 * np.sqrt(variance * threshold) + 20.0 * threshold
    for _ in range(60):
        middle = (low + high) / 2
        short = log_wealth(middle, variance, RHO) < threshold
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(np.log(high))
