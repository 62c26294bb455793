"""`column:NAME`: a column of the log says what a policy would do in each row.

It holds an arm, or a list of probabilities in the order of the arms (of the row's eligible arms where the log has
them), as a list column or as JSON text. Checked before anything is computed: the column is there, every row has a
value, arms are known, probabilities are finite, not negative and add up to 1.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from offline_eval.candidates.candidate import Candidate, of_chosen, restricted
from offline_eval.candidates.errors import UnknownCandidateError
from offline_eval.candidates.own.checking import NEGATIVE, SUM_TOLERANCE, WRONG_SUM, Faults, unknown_arm
from offline_eval.candidates.own.table import ByRow, missed
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.logs.decoding import texts
from offline_eval.logs.eligibility import eligible_sets, listed_pmf
from offline_eval.logs.log import Log

COLUMN = "column"


@dataclass(frozen=True)
class PmfColumn:
    """A column of probabilities, read with the log's rows."""

    name: str
    trained: bool = False

    def target(self, rows: LogBatch) -> Floats:
        """Within the eligible arms, shape (n, K)."""
        wanted = rows.shadows[self.name]
        return restricted(wanted / wanted.sum(axis=1, keepdims=True), rows)

    def chosen(self, rows: LogBatch) -> Floats:
        """The logged arms' probabilities, shape (n,)."""
        return of_chosen(self.target(rows), rows)

    def fallback(self, rows: LogBatch) -> NDArray[np.bool_] | None:
        """Where an arm it wanted was not eligible, shape (n,)."""
        return missed(rows.shadows[self.name], rows)


def with_pmf_columns(log: Log, names: Iterable[str]) -> Log:
    """The log, which reads the columns of probabilities among these candidates (`column:NAME`) as well.

    Raises UnknownCandidateError where a column is not there, PolicyFaultsError where its rows make no sense.
    """
    found = {}
    for name in names:
        kind, _, column = name.partition(":")
        if kind == COLUMN and _holds_pmfs(name, column, log):
            _check_lists(name, column, log)
            found[name] = column
    return replace(log, spec=replace(log.spec, shadows={**log.spec.shadows, **found})) if found else log


def column_candidate(name: str, log: Log) -> Candidate:
    """The candidate of a column; one of probabilities must have been added to the log by `with_pmf_columns`.

    Raises PolicyFaultsError naming every row without an arm, or with one that the log does not know.
    """
    if name in log.spec.shadows:
        return PmfColumn(name)
    column, faults = name.partition(":")[2], Faults(name)
    arms = [_arms(raw, first, log, faults) for first, raw in _batches(log, [column])]
    faults.close()
    control = log.keys.index(log.spec.control) if log.spec.control in log.keys else None
    return ByRow(name, len(log.arms), np.concatenate(arms), control=control)


def _holds_pmfs(name: str, column: str, log: Log) -> bool:
    if column not in log.source.names():
        known = ", ".join(log.source.names()[:40])
        raise UnknownCandidateError(f"'{name}': the log has no column '{column}'; it has: {known}")
    for _, raw in _batches(log, [column]):
        values = raw.column(0)
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            return True
        found = texts(values).values
        if found:
            return found[0].lstrip().startswith("[") and found[0] not in log.keys
    return False


def _check_lists(name: str, column: str, log: Log) -> None:
    faults, wanted = Faults(name), [column, *([log.spec.eligible] if log.spec.eligible else [])]
    for first, raw in _batches(log, wanted):
        sets = eligible_sets(raw.column(1)) if log.spec.eligible else None
        try:
            bad = listed_pmf(raw.column(0), sets, log.keys)[1]
        except (TypeError, ValueError):  # text among the numbers, or a list that is no JSON
            bad = np.ones(raw.num_rows, dtype=np.bool_)
        for row in np.flatnonzero(bad).tolist():
            if sentence := _diagnosis(raw.column(0)[row].as_py(), log):
                faults.add(first + row, sentence)
        faults.close()


def _diagnosis(value: Any, log: Log) -> str | None:
    """What is wrong with one list; None where nothing is."""
    order = f"in the order {', '.join(log.keys)}" + (" or of the row's eligible arms" if log.spec.eligible else "")
    if value is None:
        return "is empty; every decision needs the policy's probabilities"
    try:
        numbers = [float(item) for item in (json.loads(value) if isinstance(value, str) else value)]
    except (TypeError, ValueError):
        return f"is not a list of numbers; list one probability for each arm, {order}"
    if min(numbers, default=0.0) < 0:
        return NEGATIVE
    if not abs(math.fsum(numbers) - 1.0) < SUM_TOLERANCE:
        return WRONG_SUM
    if not log.spec.eligible and len(numbers) == len(log.keys):
        return None
    return f"lists {len(numbers)} probabilities; list one for each arm, {order}"


def _arms(raw: pa.RecordBatch, first_row: int, log: Log, faults: Faults) -> NDArray[np.int64]:
    found = texts(raw.column(0))
    place = np.array([log.keys.index(value) if value in log.keys else -1 for value in found.values] + [-1])
    faults.note(
        found.codes < 0, "the column is empty; every decision needs the arm that the policy would choose", first_row
    )
    for code in np.flatnonzero(place[:-1] < 0).tolist():
        faults.note(found.codes == code, unknown_arm(found.values[code], log.keys), first_row)
    return np.asarray(place[found.codes], dtype=np.int64)


def _batches(log: Log, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    first = log.source.first_row
    for raw in log.source.batches(columns):
        if raw.num_rows:
            yield first, raw.select(columns)
        first += raw.num_rows
