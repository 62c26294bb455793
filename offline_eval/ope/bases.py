"""The two bases that several estimators share."""

import numpy as np

from offline_eval.moments import Matrix
from offline_eval.ope.estimator import Basis
from offline_eval.ope.rows import Rows


def weight_columns(rows: Rows) -> Matrix:
    """(3, m): w, w r, r."""
    table = np.empty((3, len(rows.weight)))
    table[0], table[1], table[2] = rows.weight, rows.weighted_reward, rows.reward
    return table


def model_columns(rows: Rows) -> Matrix:
    """(3, m): Σ_a π q̂, w (r - q̂), w."""
    return np.stack([rows.model, rows.weighted_residual, rows.weight])


WEIGHTS = Basis("weights", weight_columns)
MODEL = Basis("model", model_columns, frozenset({"target", "q"}))
