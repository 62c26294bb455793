"""How far from normal a weighted mean of scores may be: by its third moment, bounded or guessed from sums."""

import math
from typing import NamedTuple

import numpy as np

from offline_eval.ab.adaptive.cells import Floats


class Skewness(NamedTuple):
    """Σ|term|³ / (Σ term²)^1.5 at most, of terms above and of terms below the mean."""

    above: float
    below: float

    @property
    def larger(self) -> float:
        """Of both."""
        return max(self)


def skewness(weights: Floats, deviations: Floats, rise: Floats, fall: Floats) -> Skewness:
    """From (T,) weights, Σ (Γ - value)² and the largest Γ - value and value - Γ by snapshot."""
    variances = weights**2 * deviations
    whole = float(variances.sum()) ** 1.5
    if not whole:
        return Skewness(math.inf, math.inf)
    above, below = (float((weights * np.maximum(reach, 0.0)) @ variances) / whole for reach in (rise, fall))
    return Skewness(above, below)


def stretched(critical: float, skew: float) -> float:
    """The critical value on the side where skewed data mislead: c + skew (2c² + 1)/6.

    First order of the Edgeworth expansion of a studentised mean: Hall (1992), *On the removal of skewness by
    transformation*, J. R. Stat. Soc. B 54, 221-228. The other side could be shortened if the skewness were known; what
    is known here is a bound.
    """
    return critical + skew * (2 * critical**2 + 1) / 6


def shrunk(z: float, skew: float) -> float:
    """The inverse of `stretched`: what is left of |z|."""
    if skew < 1e-9:
        return abs(z)
    a = skew / 3
    return max((math.sqrt(1 + 4 * a * max(abs(z) - skew / 6, 0.0)) - 1) / (2 * a), 0.0)
