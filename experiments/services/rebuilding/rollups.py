"""Both tiers of rollups over whole files: what the joiner's batches add up to, in one vectorised pass."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.times import HOUR
from experiments.services.joining.columns import Flags, Floats, Integers, grouped
from experiments.services.rebuilding.rounds import Whole
from experiments.store.rollups.tiers import PART, STATISTICS, CellKey, Totals

Key = tuple[int, str, str, str, int]
"""Revision, variant, arm, segment, voided."""

HourKey = tuple[int, int, str, str, str, int, str]
"""Hour, revision, variant, arm, segment, voided, metric."""


class Parts(NamedTuple):
    """The first tier of one file: sums (P, 3, R, 16) of the P metrics `names` in the R rows `keys`."""

    names: Sequence[str]
    keys: Sequence[CellKey]
    sums: Floats


class Hours(NamedTuple):
    """The second tier of one file: G pairs of an hour and a cell, rounds and totals (P, G) of P metrics."""

    hours: Integers
    cells: Integers
    keys: Sequence[Key]
    names: Sequence[str]
    rounds: Integers
    totals: Floats


class Rollups(NamedTuple):
    """Both tiers of one file."""

    parts: Parts
    hours: Hours


class _Cells(NamedTuple):
    """The cells of a file's rounds, and (n,) which one each is in."""

    keys: list[Key]
    of: Integers


class _Counted(NamedTuple):
    """Rows that add to a metric, and what; None: one each."""

    name: str
    rows: Integers | slice
    values: Floats | None


def rollups_of(whole: Whole) -> Rollups:
    """Both tiers of one file."""
    rows, of = grouped(
        whole.revision, whole.variant.codes, whole.arm.codes, whole.segment.codes, whole.voided.astype(np.int64)
    )
    keys = [
        (revision, whole.variant.names[variant], whole.arm.names[arm], whole.segment.names[segment], voided)
        for revision, variant, arm, segment, voided in rows.tolist()
    ]
    cells, counted = _Cells(keys, of), list(_counted(whole))
    return Rollups(_parts(whole, cells, counted), _hours(whole, cells, counted))


def totals_of(files: Sequence[Parts], known: Sequence[str]) -> Totals:
    """The first tier of all files; metrics that are `known` come first, in that order."""
    names = {name for part in files for name in part.names}
    ordered = [name for name in known if name in names]
    ordered += sorted(names.difference(ordered))
    keys = sorted({key for part in files for key in part.keys})
    at = {key: place for place, key in enumerate(keys)}
    sums = np.zeros((len(keys), len(ordered), STATISTICS, PART))
    for part in files:
        rows = np.array([at[key] for key in part.keys], dtype=np.int64)
        for name, added in zip(part.names, part.sums, strict=True):
            sums[rows, ordered.index(name)] += added.transpose(1, 0, 2)
    return Totals({name: place for place, name in enumerate(ordered)}, keys, sums)


def hourly_of(files: Sequence[Hours]) -> Mapping[HourKey, tuple[int, float]]:
    """The second tier of all files: (rounds, total)."""
    found: dict[HourKey, tuple[int, float]] = {}
    for part in files:
        for name, rounds, totals in zip(part.names, part.rounds, part.totals, strict=True):
            used = np.flatnonzero(rounds)
            columns = (part.hours[used], part.cells[used], rounds[used], totals[used])
            for hour, cell, count, total in zip(*(column.tolist() for column in columns), strict=True):
                key = (hour, *part.keys[cell], name)
                before = found.get(key, (0, 0.0))
                found[key] = (before[0] + count, before[1] + total)
    return found


def _counted(whole: Whole) -> Iterator[_Counted]:
    """As `rolling_up.counted_values` says for one round."""
    plain = ~whole.forced
    flagged = {
        FORCED: whole.forced,
        DECISIONS: plain,
        UNITS: plain & whole.new_unit,
        ARM_UNITS: plain & whole.new_arm_unit & ~whole.voided,
    }
    for name, flag in flagged.items():
        yield _Counted(name, _rows(flag), None)
    for name, values in zip(whole.names, whole.metrics, strict=True):
        rows = _rows((values != 0) & plain)
        yield _Counted(name, rows, values[rows])


def _rows(flag: Flags) -> Integers | slice:
    return slice(None) if flag.all() else np.flatnonzero(flag)


def _parts(whole: Whole, cells: _Cells, counted: Sequence[_Counted]) -> Parts:
    rows, row = grouped(cells.of, whole.bucket // PART)
    place, size = row * PART + whole.bucket % PART, len(rows) * PART
    sums = np.zeros((len(counted), STATISTICS, size))
    for one, into in zip(counted, sums, strict=True):
        at = place[one.rows]
        if one.values is None:
            into[:] = np.bincount(at, minlength=size)
        else:
            into[0] = np.bincount(at, minlength=size)
            into[1] = np.bincount(at, one.values, size)
            into[2] = np.bincount(at, one.values * one.values, size)
    keys = [CellKey._make((*cells.keys[cell], part)) for cell, part in rows.tolist()]
    return Parts([one.name for one in counted], keys, sums.reshape(len(counted), STATISTICS, len(rows), PART))


def _hours(whole: Whole, cells: _Cells, counted: Sequence[_Counted]) -> Hours:
    hour = whole.decided_at // HOUR
    start = int(hour.min()) if len(hour) else 0
    rows, group = grouped(hour - start, cells.of)
    rounds = np.zeros((len(counted), len(rows)), dtype=np.int64)
    totals = np.zeros((len(counted), len(rows)))
    for place, one in enumerate(counted):
        at = group[one.rows]
        rounds[place] = np.bincount(at, minlength=len(rows))
        totals[place] = rounds[place] if one.values is None else np.bincount(at, one.values, len(rows))
    return Hours(rows[:, 0] + start, rows[:, 1], cells.keys, [one.name for one in counted], rounds, totals)
