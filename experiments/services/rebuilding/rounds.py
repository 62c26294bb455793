"""A file of the round log as columns, without a loop over its rows."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from experiments.services.joining.columns import Flags, Floats, Integers, Named, RoundColumns, drawing, grouped
from experiments.services.joining.draws import all_arms, coded, eligible_arms, local_days
from experiments.store.joining.round_log import METRIC, PROBABILITIES

EXPOSING = ("delivered", "view")
_BYTES = np.dtype(PROBABILITIES).itemsize


class Facts(NamedTuple):
    """What follows from the definitions of all revisions, by number.

    Attributes:
        zones: time zones. adaptive: variants that draw.
        metrics: of arm cells, by place. capped: revisions with a cap on revenue.
    """

    zones: dict[int, str]
    adaptive: dict[int, frozenset[str]]
    metrics: Sequence[str]
    capped: frozenset[int]


class Whole(NamedTuple):
    """All n rows of a file: what rollups need. `metrics` has a column for each name."""

    bucket: Integers
    revision: Integers
    variant: Named[str]
    arm: Named[str]
    segment: Named[str]
    decided_at: Integers
    forced: Flags
    voided: Flags
    new_unit: Flags
    new_arm_unit: Flags
    names: Sequence[str]
    metrics: Sequence[Floats]


def read_table(path: Path) -> pa.Table:
    """A file of the log, its groups of rows one after the other."""
    return pq.read_table(path, use_threads=True)


def groups_of(table: pa.Table) -> Iterator[pa.Table]:
    """Its groups of rows: short enough for what is computed of their pmfs to stay close at hand."""
    return (pa.Table.from_batches([batch]) for batch in table.to_batches())


def whole_of(table: pa.Table) -> Whole:
    """Rows as rollups see them."""
    names = metrics_of(table)
    return Whole(
        bucket=integers(table, "bucket"),
        revision=integers(table, "revision"),
        variant=named(table, "variant"),
        arm=named(table, "arm"),
        segment=named(table, "segment"),
        decided_at=integers(table, "decided_at"),
        forced=flags(table, "forced"),
        voided=flags(table, "voided"),
        new_unit=flags(table, "new_unit"),
        new_arm_unit=flags(table, "new_arm_unit"),
        names=names,
        metrics=[numbers(table, METRIC + name) for name in names],
    )


def round_columns(table: pa.Table, facts: Facts) -> tuple[RoundColumns, Integers]:
    """The rounds that were not forced, as the joiner has them, and their numbers in its sequence."""
    forced = flags(table, "forced")
    if forced.any():
        table = table.filter(pa.array(~forced))
    variant, drawn_arm, segment, sets = (named(table, name) for name in ("variant", "arm", "segment", "eligible"))
    revision, arm = integers(table, "revision"), drawn_arm.codes
    listed = [tuple(json.loads(one)) for one in sets.names]
    arms = all_arms(drawn_arm.names, listed)
    drawn = drawing(_flat(table), sets.codes, coded(listed, arms), arm)
    eligible = eligible_arms(Named(sets.codes, listed), revision, facts.capped)
    columns = RoundColumns(
        revision=revision,
        variant=variant,
        arm=arm,
        segment=segment,
        voided=flags(table, "voided"),
        first=flags(table, "first"),
        exposed=_exposed(table),
        adaptive=_adaptive(revision, variant, facts),
        draw=numbers(table, "draw"),
        day=local_days(integers(table, "decided_at"), revision, facts.zones),
        reward=numbers(table, "reward"),
        values=[_metric(table, name) for name in facts.metrics],
        eligible=eligible.codes,
        sets=eligible.names,
        pmfs=drawn.pmfs,
        place=drawn.place,
        p=drawn.p,
        arms=list(arms),
    )
    return columns, integers(table, "seq")


def metrics_of(table: pa.Table) -> list[str]:
    """Names of the metrics that have a column."""
    return [name.removeprefix(METRIC) for name in table.column_names if name.startswith(METRIC)]


def _metric(table: pa.Table, name: str) -> Floats:
    return numbers(table, METRIC + name) if METRIC + name in table.column_names else np.zeros(table.num_rows)


def _exposed(table: pa.Table) -> Flags:
    found = np.zeros(table.num_rows, dtype=bool)
    for name in EXPOSING:
        found |= _metric(table, name) != 0
    return found


def _adaptive(revision: Integers, variant: Named[str], facts: Facts) -> Flags:
    found, code = grouped(revision)
    draws = [name in facts.adaptive[number] for (number,) in found.tolist() for name in variant.names]
    return np.asarray(np.array(draws, dtype=bool)[code * len(variant.names) + variant.codes], dtype=bool)


def _flat(table: pa.Table) -> Floats:
    """The pmfs, one after the other."""
    column = _joined(table.column("pmf"))
    _, offsets, stored = column.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1] // _BYTES
    return np.frombuffer(stored, dtype=PROBABILITIES)[starts[0] : starts[-1]]


def _joined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def integers(table: pa.Table, name: str) -> Integers:
    """A column of integers."""
    return numbers(table, name).astype(np.int64, copy=False)


def numbers(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers."""
    return np.asarray(table.column(name).to_numpy())


def flags(table: pa.Table, name: str) -> Flags:
    """A column of yes and no."""
    return np.asarray(table.column(name).to_numpy(zero_copy_only=False), dtype=bool)


def named(table: pa.Table, name: str) -> Named[str]:
    """A column of names."""
    column = _joined(table.column(name).unify_dictionaries())
    codes: Integers = np.asarray(column.indices).astype(np.int64, copy=False)
    return Named(codes, column.dictionary.to_pylist())
