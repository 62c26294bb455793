"""Weighted means of scores with their variances, and the weights that stabilise them."""

import math

import numpy as np

from offline_eval.ab.adaptive.cells import Floats
from offline_eval.ab.adaptive.scores import PairOfArms, Scores
from offline_eval.ab.fieller import Means


def stabilising(found: Scores) -> Floats:
    """(T,) (mean of 1/p)^(-1/2)."""
    return np.asarray(found.inverse**-0.5)


def deviations(found: Scores, value: float) -> Floats:
    """(T,) Σ (Γᵢ - value)²."""
    return np.asarray(np.maximum(found.squares - 2 * value * found.total + value * value * found.n, 0.0))


def weighted(found: Scores, weights: Floats) -> tuple[float, float]:
    """(Σ h Γ / Σ h n, its variance)."""
    mass = float(weights @ found.n)
    if mass == 0:
        return 0.0, 0.0
    value = float(weights @ found.total) / mass
    return value, float(weights**2 @ deviations(found, value)) / mass**2


def weighted_means(pair: PairOfArms, weights: Floats) -> Means:
    """Both arms' means where both were eligible; their covariance from the variance of the difference."""
    top, top_variance = weighted(pair.top, weights)
    if pair.bottom is None:
        return Means(top, 0.0, top_variance, 0.0)
    bottom, bottom_variance = weighted(pair.bottom, weights)
    variance = weighted(pair.difference, weights)[1]
    return Means(top, bottom, top_variance, bottom_variance, (top_variance + bottom_variance - variance) / 2)


def error_of(means: Means) -> float:
    """Of the difference."""
    return math.sqrt(max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0))


def z_of(means: Means) -> float:
    """The difference in standard errors."""
    error = error_of(means)
    return (means.top - means.bottom) / error if error else 0.0
