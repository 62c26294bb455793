"""One batch of raw columns → typed arrays, with every fault of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from offline_eval.logs.batch import Categorical, Floats
from offline_eval.logs.decoding import numbers, texts, times
from offline_eval.logs.eligibility import eligible_sets
from offline_eval.logs.errors import Fault
from offline_eval.logs.spec import SECONDS, LogSpec

KEPT = 5
"""Faults kept of each kind and batch: enough to see the pattern."""


@dataclass
class Decoded:
    """What a batch says before arms are numbered. `faults` holds the first few rows of each kind."""

    first_row: int
    arm: Categorical
    outcomes: dict[str, Floats]
    propensity: Floats | None
    time: Floats | None
    unit: Categorical | None
    numeric: dict[str, Floats] = field(default_factory=dict)
    categorical: dict[str, Categorical] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.arm.codes)

    def refuse(self, bad: NDArray[np.bool_], column: str, problem: str, remedy: str) -> None:
        """Note the first rows where `bad` (n,) holds."""
        for row in np.flatnonzero(bad)[:KEPT]:
            self.faults.append(Fault(self.first_row + int(row) + 1, column, problem, remedy))


def decode(spec: LogSpec, batch: pa.RecordBatch, first_row: int) -> Decoded:
    """The typed columns of a batch that begins at row `first_row` (from 0) of the log."""
    decoded = Decoded(first_row, arm_column(spec, batch), {}, None, None, None)
    for column in spec.arm:
        absent = pc.is_null(batch.column(column)).to_numpy(zero_copy_only=False)
        decoded.refuse(absent, column, "the arm is missing", "Fill it in or leave the row out")
    _decode_outcomes(spec, batch, decoded)
    _decode_context(spec, batch, decoded)
    if spec.propensity.column:
        decoded.propensity = _propensity(spec.propensity.column, batch, decoded)
    if spec.unit:
        decoded.unit = texts(batch.column(spec.unit))
        absent = decoded.unit.codes < 0
        decoded.refuse(absent, spec.unit, "the unit is missing", "Every decision needs its unit, or set log.unit = ''")
    if spec.time:
        decoded.time, bad = times(batch.column(spec.time), SECONDS[spec.time_unit])
        decoded.refuse(bad, spec.time, "is not a time", "Use a date and time (ISO 8601), or numbers with log.time_unit")
    return decoded


def arm_column(spec: LogSpec, batch: pa.RecordBatch) -> Categorical:
    """The arm of every row; several columns are joined by "|"."""
    if len(spec.arm) == 1:
        return texts(batch.column(spec.arm[0]))
    return crossed([texts(batch.column(column)) for column in spec.arm])


def crossed(parts: Sequence[Categorical]) -> Categorical:
    """The combinations that occur, joined by "|"; missing is empty. With no part: one value, everywhere."""
    code = np.zeros(len(parts[0].codes), dtype=np.int64)
    for part in parts:
        code = code * (len(part.values) + 1) + part.codes + 1
    found, first, codes = np.unique(code, return_index=True, return_inverse=True)
    columns = [[*part.values, ""] for part in parts]
    names = ["|".join(v[p.codes[row]] for v, p in zip(columns, parts, strict=True)) for row in first]
    del found
    return Categorical(codes.astype(np.int64), tuple(names))


def _decode_outcomes(spec: LogSpec, batch: pa.RecordBatch, decoded: Decoded) -> None:
    for metric, column in spec.outcomes.items():
        values, bad = numbers(batch.column(column))
        decoded.refuse(bad, column, "is not a number", f"The outcome '{metric}' must be a number")
        absent = ~np.isfinite(values) & ~bad
        if metric in spec.essential:
            remedy = "Write 0 where nothing happened, and leave out rows whose outcome is not known yet"
            decoded.refuse(absent, column, f"the outcome '{metric}' is missing", remedy)
        decoded.outcomes[metric] = np.where(np.isfinite(values), values, np.nan)


def _decode_context(spec: LogSpec, batch: pa.RecordBatch, decoded: Decoded) -> None:
    for column in spec.numeric:
        values, bad = numbers(batch.column(column))
        decoded.refuse(bad, column, "is not a number", "Correct it, or list the column in context.categorical")
        values = np.where(np.isin(values, spec.missing) | ~np.isfinite(values), np.nan, values)
        decoded.numeric[column] = values
    for column in (*spec.categorical, *spec.segments, *spec.strata, *((spec.position,) if spec.position else ())):
        if column not in decoded.categorical:
            read = eligible_sets if column == spec.eligible else texts
            decoded.categorical[column] = read(batch.column(column))


def _propensity(column: str, batch: pa.RecordBatch, decoded: Decoded) -> Floats:
    values, bad = numbers(batch.column(column))
    remedy = "Log the probability with which the chosen arm was drawn, above 0 and at most 1, or leave the row out"
    decoded.refuse(bad | np.isnan(values), column, "the propensity is missing or no number", remedy)
    for row in np.flatnonzero((values <= 0) | (values > 1))[:KEPT]:
        problem = f"the propensity {values[row]:g} is outside (0, 1]"
        decoded.faults.append(Fault(decoded.first_row + int(row) + 1, column, problem, remedy))
    return values


def unit_hash(decoded: Decoded) -> NDArray[np.uint64]:
    """64-bit hashes of the units' ids (of row numbers where there are none), the same on every machine; shape (n,)."""
    if decoded.unit is None:
        rows = np.arange(decoded.first_row, decoded.first_row + len(decoded), dtype=np.uint64)
        return hashes(rows)
    hashed = hash_texts(decoded.unit.values)
    return np.append(hashed, np.uint64(0))[decoded.unit.codes]


def hashes(values: NDArray[Any]) -> NDArray[np.uint64]:
    """64-bit hashes of an array of shape (n,): the same on every machine."""
    import pandas as pd  # a second that only who reads a log should wait for

    return np.asarray(pd.util.hash_array(values, categorize=False), dtype=np.uint64)


def hash_texts(values: Sequence[str]) -> NDArray[np.uint64]:
    """64-bit hashes, shape (len(values),)."""
    if not values:
        return np.zeros(0, dtype=np.uint64)
    return hashes(np.array(values, dtype=object))


def context_columns(decoded: Decoded, names: Sequence[str]) -> Mapping[str, Any]:
    """Some of the categorical columns."""
    return {name: decoded.categorical[name] for name in names}
