"""Posteriors of a group's mean, compared by quadrature: the same answer every time, no random numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Protocol

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtr, ndtri

from offline_eval.ab.sample import Sample

Floats = NDArray[np.float64]

SCORES = np.linspace(-8.0, 8.0, 321)
LEVELS = np.asarray(ndtr(SCORES))
WEIGHTS = np.exp(-(SCORES**2) / 2) / np.exp(-(SCORES**2) / 2).sum()
"""The trapezium rule on normal scores: for a smooth integrand its error vanishes faster than any power of the step."""


class Family(Protocol):
    """A distribution of one number."""

    def cdf(self, x: Floats) -> Floats:
        """P(number ≤ x), elementwise."""
        ...

    def quantile(self, p: Floats) -> Floats:
        """The inverse of `cdf`, elementwise."""
        ...

    def shortfall(self, x: Floats) -> Floats:
        """E[max(x - number, 0)], elementwise."""
        ...


@dataclass(frozen=True, slots=True)
class BetaFamily:
    """Beta(a, b) on [0, 1]."""

    a: float
    b: float

    def cdf(self, x: Floats) -> Floats:
        """Regularised incomplete beta function."""
        return np.asarray(betainc(self.a, self.b, np.clip(x, 0.0, 1.0)))

    def quantile(self, p: Floats) -> Floats:
        """Its inverse."""
        return np.asarray(betaincinv(self.a, self.b, p))

    def shortfall(self, x: Floats) -> Floats:
        """x F(x; a, b) - a / (a + b) · F(x; a + 1, b)."""
        inside = np.clip(x, 0.0, 1.0)
        return np.asarray(x * self.cdf(x) - self.a / (self.a + self.b) * betainc(self.a + 1, self.b, inside))


@dataclass(frozen=True, slots=True)
class NormalFamily:
    """Normal(centre, error²)."""

    centre: float
    error: float

    def cdf(self, x: Floats) -> Floats:
        """Of the normal distribution."""
        return np.asarray(ndtr((x - self.centre) / self.error))

    def quantile(self, p: Floats) -> Floats:
        """Of the normal distribution."""
        return np.asarray(self.centre + self.error * ndtri(p))

    def shortfall(self, x: Floats) -> Floats:
        """σ (z Φ(z) + φ(z)), z = (x - centre) / σ."""
        z = (x - self.centre) / self.error
        return np.asarray(self.error * (z * ndtr(z) + np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)))


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of one group's mean."""

    family: Family
    mean: float
    nodes: Floats

    @property
    def positive(self) -> bool:
        """Whether a ratio to this mean makes sense: less than one in a thousand of the mass is at or below 0."""
        return bool(self.family.cdf(np.zeros(1))[0] < 1e-3)

    def probability_above(self, other: "Posterior") -> float:
        """P(this > other)."""
        return 1 - float(WEIGHTS @ self.family.cdf(other.nodes))

    def expected_loss(self, other: "Posterior") -> float:
        """E[max(other - this, 0)]."""
        return float(WEIGHTS @ self.family.shortfall(other.nodes))

    def difference_quantile(self, other: "Posterior", p: float) -> float:
        """The p-quantile of this - other."""
        error = hypot(self.error, other.error)
        start = self.mean - other.mean + ndtri(p) * error
        return _solve(lambda d: float(WEIGHTS @ self.family.cdf(other.nodes + d)) - p, start, error)

    def ratio_quantile(self, other: "Posterior", p: float) -> float:
        """The p-quantile of this / other, for a positive other."""

        def excess(ratio: float) -> float:
            below = self.family.cdf(other.nodes * ratio)
            return float(WEIGHTS @ np.where(other.nodes > 0, below, 1 - below)) - p

        middle = self.mean / other.mean
        error = hypot(self.error, middle * other.error) / other.mean
        return _solve(excess, middle + ndtri(p) * error, error)

    @property
    def error(self) -> float:
        """Standard deviation."""
        return sqrt(float(WEIGHTS @ (self.nodes - self.mean) ** 2))


def _solve(excess: Callable[[float], float], start: float, error: float) -> float:
    """Root of an increasing function near `start`, its bracket doubled until it holds the root."""
    step = error / 8
    low, high = start - step, start + step
    while excess(low) > 0:
        low, step = low - step, 2 * step
    while excess(high) < 0:
        high, step = high + step, 2 * step
    return float(scipy.optimize.brentq(excess, low, high, xtol=1e-13, rtol=1e-12))


def posterior_of(sample: Sample, prior: float = 1.0) -> Posterior | None:
    """Beta for a 0/1 metric, else normal; None where there are too few units for either."""
    family: Family
    if sample.binary:
        a, b = prior + sample.events, prior + sample.n - sample.events
        family, mean = BetaFamily(a, b), a / (a + b)
    else:
        if sample.n < 2 or sample.variance == 0:
            return None
        family, mean = NormalFamily(sample.value, (sample.variance / sample.n) ** 0.5), sample.value
    return Posterior(family, mean, family.quantile(LEVELS))


def best_of(posteriors: Mapping[str, Posterior]) -> dict[str, tuple[float, float]]:
    """Group → (probability that its mean is the highest, expected loss E[max of all - its own] if it is chosen).

    P(k best) = ∫ ∏_{j≠k} F_j dF_k, over the quantile nodes of k.
    """
    probability = {}
    for key, mine in posteriors.items():
        others = [other.family.cdf(mine.nodes) for name, other in posteriors.items() if name != key]
        probability[key] = float(WEIGHTS @ np.prod(others, axis=0)) if others else 1.0
    total = sum(probability.values())
    highest = sum(_mean_where_best(key, posteriors) for key in posteriors)
    return {key: (probability[key] / total, max(highest - posteriors[key].mean, 0.0)) for key in posteriors}


def _mean_where_best(key: str, posteriors: Mapping[str, Posterior]) -> float:
    mine = posteriors[key]
    others = [other.family.cdf(mine.nodes) for name, other in posteriors.items() if name != key]
    return float(WEIGHTS @ (mine.nodes * np.prod(others, axis=0))) if others else mine.mean
