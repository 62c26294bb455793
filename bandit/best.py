"""The probability that each of several independent quantities is the largest, without drawing any."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bandit.rounds import Pmf

Floats = NDArray[np.float64]

NODES = np.array([-3.5, -2.5, -1.75, -1.1, -0.55, 0.0, 0.55, 1.1, 1.75, 2.5, 3.5])


def probability_best(below: Floats) -> Pmf:
    """P(arm a is the largest) from cdfs tabulated on a common increasing grid.

    Args:
        below: shape (G, K), F_a(t_g); the first row is taken as 0 and the last as 1.

    Integrates ∏_{b≠a} F_b dF_a cell by cell with the trapezoid of the product against the exact mass of the cell, so
    that no arm's mass is lost however narrow its distribution. Shape (K,), sums to 1.
    """
    table = np.maximum(below, 1e-300)
    table[-1] = 1.0
    others = np.log(table)
    others = np.exp(others.sum(axis=1, keepdims=True) - others)
    mass = np.diff(below, axis=0)
    best: Pmf = np.einsum("gk,gk->k", mass, others[1:] + others[:-1])
    best = np.maximum(best, 0.0)
    total = best.sum()
    return best / total if total > 0.0 else np.full(below.shape[1], 1.0 / below.shape[1])


def best_of_normals(means: Floats, deviations: Floats) -> Pmf:
    """P(best) of independent normals. Shapes (K,), (K,) → (K,); deviations must be positive.

    The grid is the union of every arm's own nodes, so that it is fine wherever some arm has its mass.
    """
    grid = np.sort((means + NODES[:, None] * deviations).ravel())
    return probability_best(ndtr((grid[:, None] - means) / deviations))


def best_of(cdf: Callable[[Floats], Floats], grid: Floats) -> Pmf:
    """P(best) for any family: `cdf` maps an increasing grid of shape (G, 1) to values (G, K)."""
    return probability_best(cdf(np.sort(grid.ravel())[:, None]))
