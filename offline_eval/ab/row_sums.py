"""Sums of a matrix's rows by group: one pass, whatever the number of columns."""

from collections.abc import Iterator

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

AT_ONCE = 1 << 15
"""Numbers of a matrix that are worked on together: with what is computed from them they stay in the cache."""


def slices(rows: int, columns: int) -> Iterator[slice]:
    """Stretches of rows of about AT_ONCE numbers."""
    step = max(AT_ONCE // max(columns, 1), 1)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def row_sums(matrix: Floats, group: Integers, groups: int, weight: Floats | None = None) -> Floats:
    """(groups, d) sums of the (n, d) matrix's rows, each times its (n,) weight, which is 1 where none is given."""
    rows = len(matrix)
    weight = np.ones(rows) if weight is None else weight
    indicator = scipy.sparse.csc_array((weight, group, np.arange(rows + 1)), shape=(groups, rows))
    return np.asarray(indicator @ matrix)
