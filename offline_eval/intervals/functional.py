"""Estimators as functions of column means: linear, or linear plus one ratio."""

from dataclasses import dataclass

import numpy as np

from offline_eval.moments import Matrix


@dataclass(frozen=True, slots=True)
class Functional:
    """f(m) = constant + plain · m + (top · m) / (bottom · m), of the means m (d,) of a basis.

    Attributes:
        parameter: the clipping, switching or shrinkage parameter that was chosen from the data, if any.
    """

    plain: Matrix
    top: Matrix | None = None
    bottom: Matrix | None = None
    constant: float = 0.0
    parameter: float | None = None

    def value(self, means: Matrix) -> Matrix:
        """f at `means` (..., d) → (...); NaN where the denominator vanishes."""
        linear = self.constant + means @ self.plain
        if self.top is None or self.bottom is None:
            return np.asarray(linear)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.divide(means @ self.top, means @ self.bottom)
        return np.asarray(linear + np.where(np.isfinite(ratio), ratio, np.nan))

    def gradient(self, means: Matrix) -> Matrix:
        """(d,) derivative at `means` (d,): the weights of z in the influence function f'(m) · (z - m)."""
        if self.top is None or self.bottom is None:
            return self.plain
        below = means @ self.bottom
        if below == 0.0:
            return np.full(len(self.plain), np.nan)
        return np.asarray(self.plain + self.top / below - self.bottom * (means @ self.top) / below**2)


def unit_vector(size: int, index: int) -> Matrix:
    """(size,) zeros with a one at `index`."""
    vector = np.zeros(size)
    vector[index] = 1.0
    return vector


@dataclass(frozen=True, slots=True)
class Contrast:
    """The difference of two functionals over stacked means (d₁ + d₂)."""

    first: Functional
    second: Functional

    @property
    def parameter(self) -> float | None:
        """The first policy's parameter."""
        return self.first.parameter

    def value(self, means: Matrix) -> Matrix:
        """f - g at stacked `means` (..., d₁ + d₂) → (...)."""
        cut = len(self.first.plain)
        return self.first.value(means[..., :cut]) - self.second.value(means[..., cut:])

    def gradient(self, means: Matrix) -> Matrix:
        """(d₁ + d₂,) derivative."""
        cut = len(self.first.plain)
        return np.concatenate([self.first.gradient(means[:cut]), -self.second.gradient(means[cut:])])
