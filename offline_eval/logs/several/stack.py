"""Several logs' rows, one log after the other, as Arrow batches under one spec."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bandit.rounds import Arm
from offline_eval.logs.batch import Floats, LogBatch
from offline_eval.logs.log import Log
from offline_eval.logs.several.agreement import LogsDifferError, strata_of
from offline_eval.logs.spec import LogSpec, PropensitySpec


@dataclass(frozen=True)
class Stack:
    """The rows; columns of its own begin with an underscore.

    Attributes:
        mixed: whether propensities are averaged over the loggers.
    """

    logs: tuple[Log, ...]
    mixed: bool

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """Every arm of any log, in order of appearance."""
        found: dict[str, Arm] = {}
        for log in self.logs:
            for arm in log.arms:
                if found.setdefault(arm.key, arm) != arm:
                    raise LogsDifferError(f"the arm '{arm.key}' is described differently in two specs")
        return tuple(found.values())

    @property
    def full(self) -> bool:
        """Whether every row's whole pmf is known, not only the logged arm's probability."""
        return all(log.spec.pmf or not log.spec.propensity.column for log in self.logs)

    @cached_property
    def spec(self) -> LogSpec:
        """How the stack is read."""
        first = self.logs[0].spec
        return replace(
            first,
            name=" + ".join(log.spec.name for log in self.logs),
            arm=("_arm",),
            propensity=PropensitySpec(column="_propensity"),
            outcomes={name: f"_metric_{name}" for name in self.metrics},
            unit="_unit" if first.unit else "",
            time="_time" if first.time else "",
            time_unit="s",
            eligible="_eligible" if any(log.spec.eligible for log in self.logs) else "",
            pmf="_pmf" if self.full else "",
            missing=(),
            arms=self.arms,
            shadows={},
        )

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Outcomes, and the money that is computed from them in every log."""
        found = [next(log.batches(pmf=False)).metrics for log in self.logs]
        return tuple(name for name in found[0] if all(name in other for other in found))

    @cached_property
    def schema(self) -> pa.Schema:
        """Of every batch."""
        return next(self.batches()).schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """One log after the other."""
        for log in self.logs:
            for rows in log.batches(pmf=True):
                yield self._batch(log, rows)

    def _batch(self, log: Log, rows: LogBatch) -> pa.RecordBatch:
        spec, keys = self.spec, np.array(log.keys)
        columns: dict[str, Any] = {"_arm": _texts(keys[rows.arm].tolist())}
        columns |= {f"_metric_{name}": rows.metrics[name] for name in self.metrics}
        columns |= dict(rows.numeric)
        columns |= {name: _texts(column.texts()) for name, column in {**rows.categorical, **rows.segments}.items()}
        columns |= {"_unit": _texts(rows.unit_id.texts())} if spec.unit and rows.unit_id is not None else {}
        columns |= {"_time": rows.time} if spec.time else {}
        if spec.eligible:
            mask = self._eligible(log, rows)
            listed = [[arm.key for arm, held in zip(self.arms, line, strict=True) if held] for line in mask.tolist()]
            columns["_eligible"] = pa.array(listed, pa.list_(pa.string()))
        chosen, pmf = self._propensities(log, rows)
        columns["_propensity"] = chosen
        if self.full:
            columns["_pmf"] = pa.array(list(pmf), pa.list_(pa.float64()))
        return pa.RecordBatch.from_pydict(columns)

    def _place(self, log: Log) -> NDArray[np.int64]:
        """Where the log's arms stand among all."""
        keys = [arm.key for arm in self.arms]
        return np.array([keys.index(key) for key in log.keys], dtype=np.int64)

    def _eligible(self, log: Log, rows: LogBatch) -> NDArray[np.bool_]:
        """(n, K): an arm that this log never heard of counts as eligible, since only it could have drawn it."""
        mask = np.ones((len(rows), len(self.arms)), dtype=np.bool_)
        if rows.eligible is not None:
            mask[:, self._place(log)] = rows.eligible
        return mask

    def _propensities(self, log: Log, rows: LogBatch) -> tuple[Floats, Floats]:
        """The logged arms' probabilities (n,) and, where every pmf is full, the pmf (n, K)."""
        here, n = self._place(log), len(rows)
        own = self._spread(rows.pmf, here) if rows.pmf is not None else np.zeros((n, len(self.arms)))
        if not self.mixed:
            return rows.propensity, own
        total = sum(each.n for each in self.logs)
        chosen, pmf = log.n / total * rows.propensity, log.n / total * own
        action = here[rows.arm]
        for other in self.logs:
            if other is not log:
                theirs = self._elsewhere(other, log, rows)
                chosen = chosen + other.n / total * theirs[np.arange(n), action]
                pmf = pmf + other.n / total * theirs
        return np.minimum(chosen, 1.0), pmf

    def _elsewhere(self, other: Log, log: Log, rows: LogBatch) -> Floats:
        """What the logger of `other` would have done in rows of `log`, over all arms, (n, K)."""
        if other.spec.name in rows.shadows:
            found = rows.shadows[other.spec.name]
            if np.isnan(found).any():
                raise LogsDifferError(
                    f"'{log.spec.name}': the column of '{other.spec.name}' in [shadow] has empty rows"
                )
            return self._spread(found, self._place(log))
        if other.shares is not None:
            return self._spread(other.shares.pmf(strata_of(other, rows), len(rows), None), self._place(other))
        drawn = self._eligible(log, rows)[:, self._place(other)]
        if not drawn.any(axis=1).all():
            raise LogsDifferError(f"'{log.spec.name}' has rows in which '{other.spec.name}' could have drawn nothing")
        return self._spread(drawn / drawn.sum(axis=1, keepdims=True), self._place(other))

    def _spread(self, pmf: Floats, place: NDArray[np.int64]) -> Floats:
        """A log's pmf over the arms of all, (n, K)."""
        whole = np.zeros((len(pmf), len(self.arms)))
        whole[:, place] = pmf
        return whole


def _texts(values: Sequence[str | None]) -> pa.Array:
    """Text also where a batch has none."""
    return pa.array(values, pa.string())
