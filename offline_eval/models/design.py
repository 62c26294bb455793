"""The context of logged rows as a matrix of numbers."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.logs.batch import Categorical, Floats, LogBatch

LEVELS = 50
"""Values of a categorical column that get a column of their own; the rest share one."""


@dataclass(frozen=True)
class Design:
    """How contexts become numbers: standardised numbers, flags for missing, a column for each frequent value.

    Attributes:
        numeric: (column, mean, standard deviation, whether any value was missing).
        categorical: (column, its frequent values), slots and segments included.
    """

    numeric: tuple[tuple[str, float, float, bool], ...]
    categorical: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, rows: LogBatch) -> "Design":
        """From the rows that a model will be fitted on."""
        numeric = [(name, *_moments(values)) for name, values in rows.numeric.items()]
        columns = {**rows.segments, **rows.categorical}
        return cls(tuple(numeric), tuple((name, _frequent(column)) for name, column in columns.items()))

    def matrix(self, rows: LogBatch) -> Floats:
        """Shape (n, d), the first column all ones."""
        columns: list[Floats] = [np.ones(len(rows))]
        for name, mean, deviation, gaps in self.numeric:
            values = rows.numeric[name]
            absent = np.isnan(values)
            columns.append(np.clip(np.where(absent, 0.0, (values - mean) / deviation), -5.0, 5.0))
            if gaps:
                columns.append(absent.astype(np.float64))
        sources = {**rows.segments, **rows.categorical}
        for name, levels in self.categorical:
            columns.extend(_indicators(sources[name], levels))
        return np.column_stack(columns)


def _moments(values: Floats) -> tuple[float, float, bool]:
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0, True
    return float(known.mean()), float(known.std()) or 1.0, len(known) < len(values)


def _frequent(column: Categorical) -> tuple[str, ...]:
    counts = Counter(dict(enumerate(np.bincount(column.codes[column.codes >= 0]).tolist())))
    # The most frequent value is the baseline: its column would be the ones minus all others.
    kept = [code for code, count in counts.most_common(LEVELS + 1) if count][1:]
    return tuple(column.values[code] for code in kept)


def _indicators(column: Categorical, levels: tuple[str, ...]) -> list[NDArray[np.float64]]:
    place = {value: index for index, value in enumerate(levels)}
    code = np.array([*(place.get(value, -1) for value in column.values), -1])[column.codes]
    return [(code == index).astype(np.float64) for index in range(len(levels))]
