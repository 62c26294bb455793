"""Doubly robust estimation with optimistic shrinkage."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import Basis, Estimator
from offline_eval.ope.rows import Rows
from offline_eval.ope.slope import chosen, of_column

GRID = (1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6, np.inf)


def columns(rows: Rows) -> Matrix:
    """(9, m): Σ_a π q̂ + λ w (r - q̂) / (w² + λ) for each λ of GRID; w."""
    whole = np.empty((len(GRID) + 1, len(rows.weight)))
    table, whole[-1] = whole[:-1], rows.weight
    for place, shrinkage in enumerate(GRID):
        np.multiply(rows.squared_weight, 1.0 / shrinkage, out=table[place])
    table += 1.0
    np.divide(rows.weighted_residual, table, out=table)
    table += rows.model
    return whole


def functional(moments: Moments) -> Functional:
    """The shrinkage that SLOPE chooses; none where all weights are 1, since there is nothing to shrink for."""
    spread = moments.cross[-1, -1] - 2.0 * moments.total[-1] + moments.n
    if spread <= 1e-9 * moments.n:
        return unbiased(moments)
    return chosen(moments, GRID)


def unbiased(moments: Moments) -> Functional:
    """DR, from which the interval comes."""
    return of_column(moments, GRID, len(GRID) - 1)


DROS = Estimator(
    "dros", Basis("dros", columns, frozenset({"target", "q"}), joint=False), functional, shifts=True, unbiased=unbiased
)
"""v̂ = (1/n) Σ_i [Σ_a π(a|x_i) q̂(x_i, a) + λ w_i / (w_i² + λ) · (r_i - q̂(x_i, a_i))], λ from GRID
by SLOPE, reported.

Su, Dimakopoulou, Krishnamurthy, Dudík, *Doubly robust off-policy evaluation with shrinkage*, ICML 2020. λ = ∞ is DR, λ
= 0 the direct method. The interval is that of the unbiased end of the
grid (DR), widened to the estimate, so that it claims the policy's value, the bias included.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
