"""Slopes of the value on covariates, from sufficient statistics."""

import numpy as np

from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.sample import DENOMINATOR, VALUE, Floats, Sample


def covariate_rows(sample: Sample) -> list[int]:
    """Positions of the covariates."""
    return [i for i, column in enumerate(sample.columns) if column not in (VALUE, DENOMINATOR)]


def slopes(scatter: Floats, rows: list[int]) -> Floats:
    """(k,) least squares slopes; a covariate that does not vary, or repeats others, gets the least-norm solution."""
    square, across = scatter[np.ix_(rows, rows)], scatter[rows, 0]
    scale = np.sqrt(np.diag(square))
    scale[scale == 0] = 1.0
    solved = np.linalg.lstsq(square / np.outer(scale, scale), across / scale, rcond=1e-10)[0]
    return np.asarray(solved / scale)


def residual_variance(sample: Sample, beta: Floats, spent: int) -> float:
    """Variance of value - βᵀ covariates between units, `spent` slopes having been fitted to them."""
    row = np.zeros(len(sample.columns))
    row[0], row[covariate_rows(sample)] = 1.0, -beta
    left = sample.n - 1 - spent
    if left < 1:
        raise ComparisonError(f"{sample.n} units are too few to adjust for {len(beta)} covariates")
    return max(float(row @ sample.scatter @ row), 0.0) / left
