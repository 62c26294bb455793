"""Sub-Gaussian inverse propensity scoring."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import Basis, Estimator
from offline_eval.ope.rows import Rows
from offline_eval.ope.slope import chosen, of_column

GRID = (0.5, 0.25, 0.1, 0.05, 0.01, 0.001, 0.0)


def columns(rows: Rows) -> Matrix:
    """(7, m): w r / (1 - λ + λ w) for each λ of GRID."""
    shrink = np.array(GRID)[:, None]
    return rows.weighted_reward / (1.0 - shrink + shrink * rows.weight)


def functional(moments: Moments) -> Functional:
    """The shrinkage that SLOPE chooses."""
    return chosen(moments, GRID)


def unbiased(moments: Moments) -> Functional:
    """IPS, from which the interval comes."""
    return of_column(moments, GRID, len(GRID) - 1)


SG_IPS = Estimator("sg_ips", Basis("sg_ips", columns, joint=False), functional, unbiased=unbiased)
"""v̂ = (1/n) Σ_i w_i r_i / (1 - λ + λ w_i), λ from GRID by SLOPE, reported.

Metelli, Russo, Restelli, *Subgaussian and differentiable importance sampling for off-policy evaluation and learning*,
NeurIPS 2021 (s = -1). λ = 0 is IPS. The interval is that of the unbiased end of the
grid (IPS), widened to the estimate, so that it claims the policy's value, the bias included.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
