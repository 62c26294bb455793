"""Choosing a clipping, switching or shrinkage parameter from the data."""

import numpy as np
import scipy

from offline_eval.intervals.functional import Functional, unit_vector
from offline_eval.moments import Matrix, Moments

CONFIDENCE = 0.1
CONSTANT = float(np.sqrt(6.0) - 1.0)


def slope(values: Matrix, widths: Matrix) -> int:
    """Index of the parameter with the narrowest interval that still overlaps all wider ones.

    SLOPE++: Su, Srinath, Krishnamurthy, *Adaptive estimator selection for off-policy evaluation*, ICML 2020, with the
    order taken from the widths (Tucker & Lee 2021). Going from wide to narrow, stop before the first i for which
    |v_i - v_j| > c_i + (√6 - 1) c_j for some wider j.
    """
    order = np.argsort(widths, kind="stable")[::-1]
    for place, index in enumerate(order):
        wider = order[:place]
        if np.any(np.abs(values[wider] - values[index]) > widths[index] + CONSTANT * widths[wider]):
            return int(order[place - 1])
    return int(order[-1])


def chosen(moments: Moments, grid: tuple[float, ...]) -> Functional:
    """The mean of the column that SLOPE picks; column g of the basis belongs to parameter grid[g].

    The last parameter of a grid is the one without bias; it is taken where a single row or unit leaves no choice.
    """
    variances = np.diag(moments.covariance_of_means())[: len(grid)]
    if moments.n < 2 or np.isnan(variances).any():
        return of_column(moments, grid, len(grid) - 1)
    widths = np.sqrt(np.maximum(variances, 0.0)) * float(scipy.stats.t.isf(CONFIDENCE, moments.n - 1))
    return of_column(moments, grid, slope(moments.means[: len(grid)], widths))


def of_column(moments: Moments, grid: tuple[float, ...], place: int) -> Functional:
    """The mean of one column."""
    return Functional(unit_vector(len(moments.total), place), parameter=grid[place])


def at(moments: Moments, grid: tuple[float, ...], parameter: float) -> float:
    """The estimate at one parameter of the grid. Raises ValueError where it is not on the grid."""
    return float(moments.means[grid.index(parameter)])
