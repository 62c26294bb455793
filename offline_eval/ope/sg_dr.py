"""Sub-Gaussian doubly robust estimation."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import Basis, Estimator
from offline_eval.ope.rows import Rows
from offline_eval.ope.sg_ips import GRID
from offline_eval.ope.slope import chosen, of_column


def columns(rows: Rows) -> Matrix:
    """(7, m): Σ_a π q̂ + w (r - q̂) / (1 - λ + λ w) for each λ of GRID."""
    shrink = np.array(GRID)[:, None]
    return rows.model + rows.weighted_residual / (1.0 - shrink + shrink * rows.weight)


def functional(moments: Moments) -> Functional:
    """The shrinkage that SLOPE chooses."""
    return chosen(moments, GRID)


def unbiased(moments: Moments) -> Functional:
    """DR, from which the interval comes."""
    return of_column(moments, GRID, len(GRID) - 1)


SG_DR = Estimator(
    "sg_dr",
    Basis("sg_dr", columns, frozenset({"target", "q"}), joint=False),
    functional,
    shifts=True,
    unbiased=unbiased,
)
"""v̂ = (1/n) Σ_i [Σ_a π(a|x_i) q̂(x_i, a) + w_i (r_i - q̂(x_i, a_i)) / (1 - λ + λ w_i)], λ from
GRID by SLOPE, reported.

Metelli, Russo, Restelli, NeurIPS 2021 (s = -1). λ = 0 is DR. The interval is that of the unbiased end of the
grid (DR), widened to the estimate, so that it claims the policy's value, the bias included.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
