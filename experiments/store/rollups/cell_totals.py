"""The totals tier as readouts take it: by cell, unpacked while it is read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, text

from experiments.model.deciding.hashing import UNIT_BUCKETS
from experiments.store.rollups.tiers import PART, PARTS, STATISTICS, Sums, metric_places

_Cell = tuple[int, str, str, str, int]
_AT_ONCE = 256
_CELLS = """
SELECT revision, variant, arm, segment, voided, part, sums FROM rollup_totals WHERE experiment_id = {id}
ORDER BY revision, variant, arm, segment, voided, part
"""
_VARIANTS = """
SELECT revision, variant, '', '', voided, part, sums FROM rollup_variants WHERE experiment_id = {id}
ORDER BY revision, variant, voided, part
"""
_SEGMENTS = "SELECT DISTINCT segment FROM rollup_totals WHERE experiment_id = :id AND segment <> ''"


class CellTotals(NamedTuple):
    """What readouts need of an experiment's totals, for C cells: (revision, variant, arm, segment, voided).

    Attributes:
        sums: (C, P, 256) totals by bucket of units. flat: (C, P, 3) over all buckets: rounds, totals, squares.
    """

    places: Mapping[str, int]
    cells: list[_Cell]
    sums: Sums
    flat: Sums

    def total(self, metric: str) -> float:
        """A metric's sum over all cells."""
        place = self.places.get(metric)
        return 0.0 if place is None else float(self.flat[:, place, 1].sum())


def read_cells(connection: Connection, experiment_id: int) -> CellTotals:
    """All cells in the order of their keys; rows are let go as they come, since together they may take 30 MB."""
    return _read(connection, experiment_id, _CELLS, 1024)


def read_variants(connection: Connection, experiment_id: int) -> CellTotals:
    """The same with one cell for all arms and segments, named "": a few rows, however many those are."""
    return _read(connection, experiment_id, _VARIANTS, 16)


def segments_met(connection: Connection, experiment_id: int) -> list[str]:
    """Segments of cells, in order."""
    return sorted(connection.execute(text(_SEGMENTS), {"id": experiment_id}).scalars())


def _read(connection: Connection, experiment_id: int, statement: str, expected: int) -> CellTotals:
    places = metric_places(connection, experiment_id)
    gathered = _Gathered(expected, len(places))
    # The driver's own rows: wrapping thousands of them takes as long as reading them.
    cursor = connection.exec_driver_sql(statement.format(id=int(experiment_id))).cursor
    while rows := cursor.fetchmany(_AT_ONCE):
        gathered.add(rows)
    count = len(gathered.cells)
    sums = gathered.sums[:count].reshape(count, len(places), UNIT_BUCKETS)
    return CellTotals(places, gathered.cells, sums, gathered.lanes[:count] @ np.ones(PART))


class _Gathered:
    """Rows of the totals, unpacked a few hundred at a time; there is room for more cells where they are not enough."""

    def __init__(self, cells: int, metrics: int) -> None:
        self.cells: list[_Cell] = []
        self.sums, self.lanes = np.zeros((cells, metrics, PARTS, PART)), np.zeros((cells, metrics, STATISTICS, PART))

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The next rows in the order of keys."""
        *columns, parts, packed = zip(*rows, strict=True)
        keys: list[_Cell] = list(zip(*columns, strict=True))
        last: list[_Cell | None] = [*self.cells[-1:]] or [None]
        new = [key != before for key, before in zip(keys, [*last, *keys], strict=False)]
        at = np.cumsum(new) + (len(self.cells) - 1)
        self.cells += [key for key, is_new in zip(keys, new, strict=True) if is_new]
        while len(self.cells) > len(self.sums):
            self.sums, self.lanes = (np.concatenate([one, np.zeros_like(one)]) for one in (self.sums, self.lanes))
        sums = _unpacked(packed, self.sums.shape[1])
        self.sums[at, :, parts] = sums[:, :, 1]
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        self.lanes[at[starts]] += np.add.reduceat(sums, starts, axis=0)


def _unpacked(packed: Sequence[bytes], metrics: int) -> Sums:
    """(R, P, 3, 16). Metrics met after a row was written are zero in it, and so are the bytes of 0.0."""
    width = metrics * STATISTICS * PART * 8
    whole = packed if set(map(len, packed)) == {width} else [bytes(row).ljust(width, b"\0") for row in packed]
    return np.frombuffer(b"".join(whole), dtype="<f8").reshape(len(packed), metrics, STATISTICS, PART)
