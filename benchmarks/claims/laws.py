"""What one decision (or one unit) may bring: laws with exact means, capped or not."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
Tail = Literal["share", "lognormal", "pareto"]


@dataclass(frozen=True, slots=True)
class Law:
    """0 with probability 1 - rate, else an amount.

    Attributes:
        tail: the amount is 1, lognormal with `shape` σ, or Pareto with index `shape`.
        scale: of the amount: e^μ, or the least one.
        cap: amounts are counted up to here.
    """

    rate: float
    tail: Tail = "share"
    shape: float = 0.0
    scale: float = 1.0
    cap: float = math.inf

    @property
    def binary(self) -> bool:
        """Whether all values are 0 or 1."""
        return self.tail == "share"

    @property
    def limits(self) -> tuple[float, float] | None:
        """The known range of one value; None where there is none."""
        if self.binary:
            return (0.0, 1.0)
        return (0.0, self.cap) if math.isfinite(self.cap) else None

    @property
    def mean_amount(self) -> float:
        """E[min(amount, cap) | not 0], exact."""
        if self.tail == "share":
            return 1.0
        return self._lognormal() if self.tail == "lognormal" else self._pareto()

    @property
    def mean(self) -> float:
        """Of a value."""
        return self.rate * self.mean_amount

    def _lognormal(self) -> float:
        whole = self.scale * math.exp(self.shape**2 / 2)
        if not math.isfinite(self.cap):
            return whole
        d = math.log(self.cap / self.scale) / self.shape
        return whole * float(ndtr(d - self.shape)) + self.cap * float(ndtr(-d))

    def _pareto(self) -> float:
        a, s, c = self.shape, self.scale, self.cap
        if c <= s:
            return c
        return s * a / (a - 1) - (0.0 if math.isinf(c) else s**a * c ** (1 - a) / (a - 1))

    def quantile(self, p: float) -> float:
        """Of the amounts, uncapped."""
        if self.tail == "share":
            return 1.0
        if self.tail == "lognormal":
            return self.scale * math.exp(self.shape * float(ndtri(p)))
        return self.scale * (1 - p) ** (-1 / self.shape)

    def amounts(self, rng: np.random.Generator, n: int) -> Floats:
        """(n,) amounts, capped."""
        if self.tail == "share":
            return np.ones(n)
        if self.tail == "lognormal":
            drawn = self.scale * np.exp(self.shape * rng.standard_normal(n))
        else:
            drawn = self.scale * rng.random(n) ** (-1 / self.shape)
        return np.minimum(drawn, self.cap)

    def values(self, rng: np.random.Generator, n: int) -> Floats:
        """(n,) values."""
        found = np.zeros(n)
        hit = np.flatnonzero(rng.random(n) < self.rate)
        found[hit] = self.amounts(rng, len(hit))
        return found

    def lifted(self, factor: float) -> "Law":
        """With `factor` times the rate, where that is one; else times the scale, or as high as a share can be."""
        rate = self.rate * factor
        if rate <= 1:
            return replace(self, rate=rate)
        return replace(self, rate=1.0) if self.binary else replace(self, rate=1.0, scale=self.scale * rate)


def balanced(law: Law, rate: float, shape: float) -> Law:
    """Another rate and tail with the same mean up to the cap: the null that a test of distributions would reject."""
    other = replace(law, rate=rate, shape=shape)
    if law.binary:
        return law
    low, high = -60.0, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        found = replace(other, scale=law.scale * math.exp(middle))
        low, high = (middle, high) if found.mean < law.mean else (low, middle)
    found = replace(other, scale=law.scale * math.exp(low))
    return found if abs(found.mean / law.mean - 1) < 1e-9 else law
