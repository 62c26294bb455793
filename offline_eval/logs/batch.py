"""Logged rounds by columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MISSING = "(missing)"
"""What rows without a value in a segment column are called: a part like any other, so that parts add up to all."""


@dataclass(frozen=True, slots=True)
class Categorical:
    """A text column as codes into its values. `codes` has shape (n,), int64; -1 means missing."""

    codes: NDArray[np.int64]
    values: tuple[str, ...]

    def __getitem__(self, rows: Any) -> "Categorical":
        """The same values at some rows."""
        return Categorical(self.codes[rows], self.values)

    def texts(self) -> list[str | None]:
        """Row by row, None where missing."""
        values = (*self.values, None)
        return [values[code] for code in self.codes]

    def equals(self, value: str) -> NDArray[np.bool_]:
        """Where the column has this value, shape (n,)."""
        return np.equal(self.codes, self.values.index(value) if value in self.values else -2)


def join_categoricals(columns: Sequence[Categorical]) -> Categorical:
    """One under the other, with the union of their values in order of appearance."""
    position = {value: index for index, value in enumerate(dict.fromkeys(v for c in columns for v in c.values))}
    codes = [np.array([*(position[v] for v in c.values), -1], dtype=np.int64)[c.codes] for c in columns]
    return Categorical(np.concatenate(codes), tuple(position))


@dataclass(frozen=True, slots=True)
class LogBatch:
    """n rounds of a log with K arms; every array has n rows.

    Attributes:
        row: position in the log, from 0.
        arm: index of the logged arm in the log's arms.
        propensity: probability with which it was drawn.
        reward: the objective, in its own unit (a share, or money).
        metrics: every outcome of the spec, and the parts of net value; NaN where an outcome that is not the objective
            is missing (one that is would have been refused).
        numeric, categorical: the context; NaN and code -1 are missing.
        unit: 64-bit hash of the unit's id (of the row where there is none).
        unit_id: the unit's id as text.
        time: seconds; None where the log has no order.
        eligible: shape (n, K), None where every arm always was.
        pmf: shape (n, K), the logging policy's; None where only the chosen arm's probability is known.
        position: slot of a slate, None where there are none.
        segments: the columns by which readouts are also given.
        shadows: pmfs of policies that were recorded without acting, each (n, K); NaN in rows that have none.
        stratum: where propensities are the log's own shares, which of `Log.shares` each row has; else None.
    """

    row: NDArray[np.int64]
    arm: NDArray[np.int64]
    propensity: Floats
    reward: Floats
    metrics: Mapping[str, Floats]
    numeric: Mapping[str, Floats]
    categorical: Mapping[str, Categorical]
    unit: NDArray[np.uint64]
    unit_id: Categorical | None
    time: Floats | None
    eligible: NDArray[np.bool_] | None
    pmf: Floats | None
    position: Categorical | None
    segments: Mapping[str, Categorical]
    shadows: Mapping[str, Floats] = field(default_factory=dict)
    stratum: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.arm)

    def take(self, rows: Any) -> "LogBatch":
        """Some rows, by index, mask or slice."""
        return LogBatch(**{each.name: _take(getattr(self, each.name), rows) for each in fields(self)})


def _take(column: Any, rows: Any) -> Any:
    if column is None:
        return None
    if isinstance(column, Mapping):
        return {name: values[rows] for name, values in column.items()}
    return column[rows]


def join_batches(batches: Sequence[LogBatch]) -> LogBatch:
    """One under the other. Raises ValueError where there is none."""
    if not batches:
        raise ValueError("nothing to join")
    return LogBatch(**{f.name: _join([getattr(batch, f.name) for batch in batches]) for f in fields(LogBatch)})


def _join(columns: Sequence[Any]) -> Any:
    first = columns[0]
    if first is None:
        return None
    if isinstance(first, Mapping):
        return {name: _join([column[name] for column in columns]) for name in first}
    return join_categoricals(columns) if isinstance(first, Categorical) else np.concatenate(columns)
