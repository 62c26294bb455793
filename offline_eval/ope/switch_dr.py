"""Switch doubly robust estimation."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import Basis, Estimator
from offline_eval.ope.rows import Rows
from offline_eval.ope.slope import chosen, of_column

GRID = (1.0, 2.0, 5.0, 10.0, 50.0, 200.0, 1000.0, np.inf)


def columns(rows: Rows) -> Matrix:
    """(8, m): Σ_a π q̂ + w (r - q̂) 1{w <= τ} for each τ of GRID."""
    table = np.empty((len(GRID), len(rows.weight)))
    for place, threshold in enumerate(GRID):
        np.multiply(rows.weighted_residual, rows.weight <= threshold, out=table[place])
    table += rows.model
    return table


def functional(moments: Moments) -> Functional:
    """The threshold that SLOPE chooses."""
    return chosen(moments, GRID)


def unbiased(moments: Moments) -> Functional:
    """DR, from which the interval comes."""
    return of_column(moments, GRID, len(GRID) - 1)


SWITCH_DR = Estimator(
    "switch_dr",
    Basis("switch_dr", columns, frozenset({"target", "q"}), joint=False),
    functional,
    shifts=True,
    unbiased=unbiased,
)
"""v̂ = (1/n) Σ_i [Σ_a π(a|x_i) q̂(x_i, a) + w_i (r_i - q̂(x_i, a_i)) 1{w_i <= τ}], τ from GRID by SLOPE, reported.

Wang, Agarwal, Dudík, *Optimal and adaptive off-policy evaluation in contextual bandits*, ICML 2017. τ = ∞ is DR, small
τ trusts the model. The interval is that of the unbiased end of the
grid (DR), widened to the estimate, so that it claims the policy's value, the bias included.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
