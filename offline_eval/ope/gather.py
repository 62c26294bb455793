"""One pass over the rows: all sufficient statistics of one target policy, in chunks that stay in the cache."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from offline_eval.intervals.cells import Cells, cells_of
from offline_eval.intervals.known import Bounds, Weights, weights_of
from offline_eval.intervals.sequence import Sequence
from offline_eval.moments import BUCKETS, Matrix, Moments, by_unit, moments_of, round_robin
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.bases import WEIGHTS
from offline_eval.ope.batch import Batch
from offline_eval.ope.estimator import Basis
from offline_eval.ope.rows import Rows
from offline_eval.ope.units import Units, units_of

CHUNK = 16_384
"""Rows per chunk: a column of float64 is 128 kB, so that what one chunk needs stays in the second-level cache."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to gather.

    Attributes:
        estimators: names in ESTIMATORS.
        buckets: keep sums by bucket, for the bootstrap; batches with units keep them always, for clustered errors.
        cells: keep the joint table of weights and rewards, for the empirical likelihood.
        sequence: keep order-dependent sums; rows must come in order and parts cannot be merged.
    """

    estimators: tuple[str, ...]
    buckets: bool = True
    cells: bool = True
    sequence: bool = False

    @property
    def bases(self) -> dict[str, Basis]:
        """The distinct bases of the estimators; that of weights always, since the policy's value is bounded from it."""
        named = (ESTIMATORS[name].basis for name in self.estimators)
        return {WEIGHTS.name: WEIGHTS} | {basis.name: basis for basis in named}


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mergeable sufficient statistics of one target policy: everything `estimate` needs, no row kept.

    `+` merges parts of a log in any order; where a sequence was gathered it raises OrderError.

    Attributes:
        units: None where every row is its own unit. Only where some unit has several rows are these kept together.
        untried: the target's mass on arms that the logging pmf excluded, summed over the rows.
    """

    moments: Mapping[str, Moments]
    weights: Weights
    cells: Cells | None = None
    sequence: Sequence | None = field(default=None)
    units: Units | None = None
    untried: float = 0.0

    def __add__(self, other: "Statistics") -> "Statistics":
        cells = self.cells + other.cells if self.cells is not None and other.cells is not None else None
        sequence = self.sequence + other.sequence if self.sequence is not None and other.sequence is not None else None
        units = self.units + other.units if self.units is not None and other.units is not None else None
        merged = {name: moments + other.moments[name] for name, moments in self.moments.items()}
        return Statistics(
            clustered_by(units, merged),
            self.weights + other.weights,
            cells,
            sequence,
            units,
            self.untried + other.untried,
        )


def clustered_by(units: Units | None, moments: Mapping[str, Moments]) -> dict[str, Moments]:
    """The same sums, their variance taken between units where some unit has several rows."""
    clustered = units is not None and units.repeated
    return {name: replace(part, clustered=clustered) for name, part in moments.items()}


def applicable(batch: Batch) -> tuple[str, ...]:
    """Names of the estimators whose columns the batch carries."""
    return tuple(
        name
        for name, estimator in ESTIMATORS.items()
        if all(getattr(batch, column) is not None for column in estimator.basis.needs)
    )


def bucket_sums(columns: Matrix, batch: Batch, bucket: NDArray[np.intp] | None) -> Matrix:
    """(1 + d, BUCKETS) sums by the unit's bucket, or by row number where every row is its own unit."""
    return round_robin(columns, batch.first_row) if bucket is None else by_unit(columns, bucket)


def bucket_of(batch: Batch) -> NDArray[np.intp] | None:
    """(m,) bucket of each row's unit; None where rows are their own units."""
    if batch.unit is None:
        return None
    return np.asarray(batch.unit % batch.unit.dtype.type(BUCKETS)).astype(np.intp)


def gather(batch: Batch, plan: Plan, bounds: Bounds | None = None, before: Sequence | None = None) -> Statistics:
    """Statistics of the rows of `batch`; at least one row.

    Args:
        bounds: the known reward range; needed for a sequence.
        before: the sequence so far, where this batch continues one.

    Raises MissingColumnError where an estimator of the plan needs a column that the batch does not carry.
    """
    parts = (_chunk(chunk, plan) for chunk in batch.chunks(CHUNK))
    moments, weights = _sum(parts, plan)
    cells = _cells(batch) if plan.cells else None
    sequence = _sequence(batch, bounds or Bounds(), before) if plan.sequence else None
    units = None if batch.unit is None else units_of(batch.unit)
    return Statistics(clustered_by(units, moments), weights, cells, sequence, units, untried_mass(batch))


def untried_mass(batch: Batch) -> float:
    """The target's mass on arms that the logging pmf excluded, summed over the rows; 0 where no pmf was logged."""
    if batch.logged is None or batch.target is None:
        return 0.0
    return float(batch.target[batch.logged <= 0].sum(dtype=np.float64))


def _chunk(chunk: Batch, plan: Plan) -> tuple[dict[str, Moments], Weights]:
    rows = Rows(chunk)
    keep = plan.buckets or chunk.unit is not None
    bucket = bucket_of(chunk)
    moments = {}
    for name, basis in plan.bases.items():
        columns = basis.columns(rows)
        sums = bucket_sums(columns, chunk, bucket) if keep else None
        moments[name] = moments_of(columns, sums, joint=basis.joint)
    return moments, weights_of(rows.weight, rows.reward)


def _sum(parts: Iterator[tuple[dict[str, Moments], Weights]], plan: Plan) -> tuple[dict[str, Moments], Weights]:
    totals, summary = next(parts)
    for moments, weights in parts:
        totals = {name: totals[name] + moments[name] for name in plan.bases}
        summary = summary + weights
    return totals, summary


def _cells(batch: Batch) -> Cells:
    total: Cells | None = None
    for chunk in batch.chunks(8 * CHUNK):
        rows = Rows(chunk)
        part = cells_of(rows.weight, rows.reward, exact=total is None or total.exact)
        total = part if total is None else total + part
    if total is None:
        raise ValueError("a batch without rows has no statistics")
    return total


def _sequence(batch: Batch, bounds: Bounds, before: Sequence | None) -> Sequence:
    if bounds.reward is None or not np.isfinite(bounds.reward).all():
        raise ValueError("a confidence sequence needs a known, finite reward range")
    sequence = before or Sequence(bounds.reward)
    for chunk in batch.chunks(CHUNK):
        rows = Rows(chunk)
        sequence = sequence.extend(rows.weight, rows.reward)
    return sequence
