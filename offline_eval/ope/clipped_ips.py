"""Inverse propensity scoring with clipped weights."""

import numpy as np

from offline_eval.intervals.functional import Functional
from offline_eval.moments import Matrix, Moments
from offline_eval.ope.estimator import Basis, Estimator
from offline_eval.ope.rows import Rows
from offline_eval.ope.slope import chosen, of_column

GRID = (1.0, 2.0, 5.0, 10.0, 50.0, 200.0, 1000.0, np.inf)


def columns(rows: Rows) -> Matrix:
    """(8, m): min(w, λ) r for each λ of GRID."""
    clipped: Matrix = np.minimum(rows.weight, np.array(GRID)[:, None])
    clipped *= rows.reward
    return clipped


def functional(moments: Moments) -> Functional:
    """The clip that SLOPE chooses."""
    return chosen(moments, GRID)


def unbiased(moments: Moments) -> Functional:
    """IPS, from which the interval comes."""
    return of_column(moments, GRID, len(GRID) - 1)


CLIPPED_IPS = Estimator("clipped_ips", Basis("clipped_ips", columns, joint=False), functional, unbiased=unbiased)
"""v̂ = (1/n) Σ_i min(w_i, λ) r_i, λ from GRID by SLOPE, reported.

Ionides, *Truncated importance sampling*, JCGS 2008; Bottou et al., JMLR 2013. Biased downwards for rewards >= 0; the
interval is that of the unbiased end of the grid (IPS), widened to the estimate, so that it claims the policy's value,
the bias included.

How often its interval covers: docs/results/coverage.md, "Every estimator by its own rule".
"""
