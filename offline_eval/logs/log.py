"""A log of past decisions: its arms, and its rows batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import add
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bandit.rounds import Arm, FeatureSpec
from offline_eval.engine import Engine, Threads, map_merge
from offline_eval.logs.arms import log_arms
from offline_eval.logs.batch import Categorical, Floats, LogBatch, join_batches
from offline_eval.logs.checks import check_columns, check_scan
from offline_eval.logs.decoded import Decoded, crossed, decode, unit_hash
from offline_eval.logs.eligibility import PMF_TOLERANCE, eligible_sets, listed_pmf, masks
from offline_eval.logs.errors import Fault, LogDataError
from offline_eval.logs.objective import with_money
from offline_eval.logs.propensity import Fitted, Shares, Uniform
from offline_eval.logs.scan import DUPLICATES_CHECKED, Scan, rewards, scan_part
from offline_eval.logs.sources import Source, open_source
from offline_eval.logs.spec import MONEY, NET_VALUE, LogSpec


@dataclass(frozen=True)
class Log:
    """A log whose every row has been checked.

    Attributes:
        arms: the K arms in the order of every (n, K) array.
        fitted: the model behind the propensities of a log that has none; None until `with_propensities` gives one.
    """

    spec: LogSpec
    source: Source
    scan: Scan
    arms: tuple[Arm, ...]
    fitted: Fitted | None = field(default=None, compare=False)

    @property
    def n(self) -> int:
        """Rows."""
        return self.scan.n

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The arms' names."""
        return tuple(arm.key for arm in self.arms)

    @cached_property
    def zero_or_one(self) -> frozenset[str]:
        """Outcomes that are 0 or 1 wherever they are known. Money is none, whatever was spent so far."""
        return frozenset(self.spec.outcomes) - self.scan.beyond_share - MONEY

    @property
    def range(self) -> tuple[float, float] | None:
        """The objective's bounds: the spec's, or those of a 0/1 column."""
        known = (0.0, 1.0) if self.spec.objective.maximise in self.zero_or_one else None
        return self.spec.objective.range or known

    @cached_property
    def units(self) -> NDArray[np.uint64] | None:
        """Hashes of all units in order; None where units have no column or the log is too long to keep them."""
        counted = self.spec.unit and self.n <= DUPLICATES_CHECKED
        return np.unique(np.concatenate(self.scan.units)) if counted and self.scan.units else None

    @property
    def clustered(self) -> bool:
        """Whether units may have several rows."""
        return bool(self.spec.unit) and (self.units is None or len(self.units) < self.n)

    @property
    def features(self) -> FeatureSpec:
        """The context that policies learn from; a slot is part of what was known."""
        slot = (self.spec.position,) if self.spec.position else ()
        return FeatureSpec(self.spec.numeric, tuple(dict.fromkeys((*self.spec.categorical, *slot))))

    @cached_property
    def shares(self) -> Shares | None:
        """The observed shares, where the propensities are these."""
        return Shares.of(self.scan, self.keys) if self.spec.propensity.within is not None else None

    def batches(self, *, pmf: bool = True) -> Iterator[LogBatch]:
        """The rows in the order of the source. With `pmf` false the (n, K) logging pmf is left out."""
        first = self.source.first_row
        for raw in self.source.batches(list(self.spec.columns())):
            if raw.num_rows:
                yield log_batch(self, raw, first, pmf=pmf)
            first += raw.num_rows

    def table(self, *, pmf: bool = True) -> LogBatch:
        """All rows at once, in order of time where there is one."""
        rows = join_batches(list(self.batches(pmf=pmf)))
        return rows if rows.time is None else rows.take(np.argsort(rows.time, kind="stable"))

    def parts(self) -> Sequence["Log"]:
        """The same log in pieces that can be read apart, in order."""
        return [replace(self, source=source) for source in self.source.parts()]


def open_log(path: Path | str, spec: LogSpec, engine: Engine | None = None) -> Log:
    """Read and check a log. Raises LogError (its row, column and remedy), OSError where the file cannot be read."""
    return log_of(open_source(path), spec, engine)


def log_of(source: Source, spec: LogSpec, engine: Engine | None = None) -> Log:
    """Check the rows of a source. Raises LogDataError."""
    check_columns(spec, source.names())
    scan = map_merge(engine or Threads(), partial(scan_part, spec), source.parts(), add)
    seen = {key for key, count in scan.arms.items() if count} | scan.eligible
    arms = log_arms(spec, seen)
    check_scan(spec, scan, arms)
    return Log(spec, source, scan, arms)


def log_batch(log: Log, raw: pa.RecordBatch, first_row: int, *, pmf: bool = True) -> LogBatch:
    """A batch of raw columns as logged rounds; `first_row` counts from 0."""
    spec, decoded = log.spec, decode(log.spec, raw, first_row)
    if decoded.faults:
        raise LogDataError(decoded.faults)
    arm = np.array([log.keys.index(value) for value in decoded.arm.values], dtype=np.int64)[decoded.arm.codes]
    sets = eligible_sets(raw.column(spec.eligible)) if spec.eligible else None
    metrics = with_money(spec, log.arms, arm, decoded.outcomes)
    rows = LogBatch(
        row=np.arange(first_row, first_row + len(decoded)),
        arm=arm,
        propensity=np.ones(len(decoded)),
        reward=metrics[NET_VALUE] if spec.objective.maximise == NET_VALUE else rewards(spec, decoded),
        metrics=metrics,
        numeric=decoded.numeric,
        categorical={name: decoded.categorical[name] for name in log.features.categorical},
        unit=unit_hash(decoded),
        unit_id=decoded.unit,
        time=decoded.time,
        eligible=masks(sets, log.keys) if sets else None,
        pmf=None,
        position=decoded.categorical[spec.position] if spec.position else None,
        segments={name: decoded.categorical[name] for name in spec.segments},
        shadows={name: _shadow(log, raw, column, first_row, sets) for name, column in spec.shadows.items()},
    )
    return _with_propensity(log, rows, decoded, raw, pmf=pmf)


def _with_propensity(log: Log, rows: LogBatch, decoded: Decoded, raw: pa.RecordBatch, *, pmf: bool) -> LogBatch:
    if decoded.propensity is not None:
        listed = _listed(log, raw, decoded) if pmf and log.spec.pmf else None
        if listed is not None:
            _refuse_disagreement(log, rows, decoded, listed)
        return replace(rows, propensity=decoded.propensity, pmf=listed)
    stratum = crossed([decoded.categorical[name] for name in log.spec.strata]) if log.spec.strata else None
    table = _pmf(log, rows, stratum)
    if table is None:
        return rows
    chosen = table[np.arange(len(rows)), rows.arm]
    places = log.shares.places(stratum) if log.shares and stratum else None
    return replace(rows, propensity=chosen, pmf=table if pmf else None, stratum=places)


def _pmf(log: Log, rows: LogBatch, stratum: Categorical | None) -> Floats | None:
    if log.spec.propensity.estimate:
        return log.fitted(rows) if log.fitted else None
    if log.shares is not None:
        return log.shares.pmf(stratum, len(rows), rows.eligible)
    return Uniform(len(log.arms)).pmf(None, len(rows), rows.eligible)


def _listed(log: Log, raw: pa.RecordBatch, decoded: Decoded) -> Floats:
    spec = log.spec
    sets = eligible_sets(raw.column(spec.eligible)) if spec.eligible else None
    pmf, bad = listed_pmf(raw.column(spec.pmf), sets, log.keys)
    _refuse(bad, spec.pmf, decoded.first_row)
    return pmf


def _shadow(log: Log, raw: pa.RecordBatch, column: str, first_row: int, sets: Categorical | None) -> Floats:
    """A shadow's pmf; NaN in rows from before it was named."""
    listed = raw.column(column)
    absent = listed.is_null().to_numpy(zero_copy_only=False)
    pmf, bad = listed_pmf(listed, sets, log.keys)
    _refuse(bad & ~absent, column, first_row)
    pmf[absent] = np.nan
    return pmf


def _refuse_disagreement(log: Log, rows: LogBatch, decoded: Decoded, pmf: Floats) -> None:
    """The chosen arm's probability is written twice; where the two differ, one is of another draw."""
    column, written = log.spec.propensity.column or "", decoded.propensity
    if written is None:
        return
    listed = pmf[np.arange(len(rows)), rows.arm]
    apart = np.abs(listed - written) > PMF_TOLERANCE
    if apart.any():
        at = int(np.argmax(apart))
        said = f"is {written[at]:.6g} where '{log.spec.pmf}' gives the chosen arm {listed[at]:.6g}"
        remedy = "Name columns of one and the same draw, or leave out log.pmf"
        raise LogDataError([Fault(decoded.first_row + at + 1, column, said, remedy)])


def _refuse(bad: NDArray[np.bool_], column: str, first_row: int) -> None:
    if bad.any():
        row = first_row + int(np.argmax(bad)) + 1
        remedy = "Give one probability for each eligible arm, in arm order, adding up to 1"
        raise LogDataError([Fault(row, column, "is not a pmf over the eligible arms", remedy)])
