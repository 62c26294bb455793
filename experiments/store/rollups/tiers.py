"""Both tiers of rollups as arrays: what is stored, what a batch adds, and what a readout reads."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.model.deciding.hashing import UNIT_BUCKETS
from experiments.model.tables.workers import HourlyRollup, RollupMetric
from experiments.store.core.bulk import add_rows, insert_rows
from experiments.store.rollups.hour_totals import NO_HOURS, DayHours, add_to_hours
from experiments.store.rollups.variant_totals import add_to_variants

PART = 16
"""Buckets in one row."""

PARTS = UNIT_BUCKETS // PART
STATISTICS = 3
"""Rounds that are not zero, total, sum of squares."""

Sums = NDArray[np.float64]


class CellKey(NamedTuple):
    """One row of the totals within an experiment."""

    revision: int
    variant: str
    arm: str
    segment: str
    voided: int
    part: int


_PLACES = "SELECT name, place FROM rollup_metrics WHERE experiment_id = :experiment_id"
_PARTS = """
SELECT part, sums FROM rollup_totals WHERE experiment_id = :experiment_id AND revision = :revision
AND variant = :variant AND arm = :arm AND segment = :segment AND voided = :voided
"""
_PUT = """
INSERT INTO rollup_totals (experiment_id, revision, variant, arm, segment, voided, part, sums) VALUES ({values})
ON CONFLICT (experiment_id, revision, variant, arm, segment, voided, part) DO UPDATE SET sums = excluded.sums
"""
_CELLS = """
SELECT revision, variant, arm, segment, voided, part, sums FROM rollup_totals WHERE experiment_id = {id}
ORDER BY revision, variant, arm, segment, voided, part
"""


class Increments(NamedTuple):
    """What a batch adds. `sums` has shape (R, P, 3, 16) for the R `keys` and the P metrics of `places`.

    `hourly` are rows of rollup_hourly, `hours` the same over all segments.
    """

    places: dict[str, int]
    new_metrics: list[str]
    keys: list[CellKey]
    sums: Sums
    hourly: list[tuple[object, ...]]
    hours: DayHours = NO_HOURS


class TotalsWriter:
    """Adds to the totals. Only the holder of the lease writes them, so it may remember what it wrote."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, CellKey], bytes] = {}
        self._cells: set[tuple[object, ...]] = set()

    def forget(self) -> None:
        """Read everything again: a transaction failed, or there is too much to remember."""
        self._rows.clear()
        self._cells.clear()

    def load(self, connection: Connection, experiment_id: int, keys: Iterable[CellKey]) -> None:
        """Make sure that the rows of these keys are remembered as they are stored."""
        if len(self._rows) > 30_000:
            self.forget()
        for cell in {key[:-1] for key in keys}:
            if (experiment_id, *cell) not in self._cells:
                self._load_cell(connection, experiment_id, cell)

    def sums_after(self, experiment_id: int, increments: Increments) -> list[bytes]:
        """The rows' `sums` with the increments added, in the order of their keys."""
        width = increments.sums.shape[1] * STATISTICS * PART
        stored = np.zeros((len(increments.keys), width))
        for place, key in enumerate(increments.keys):
            known = self._rows.get((experiment_id, key))
            if known is not None:
                stored[place, : len(known) // 8] = np.frombuffer(known, dtype="<f8")
        stored += increments.sums.reshape(len(increments.keys), width)
        return [row.astype("<f8", copy=False).tobytes() for row in stored]

    def remember(self, experiment_id: int, keys: Sequence[CellKey], sums: Sequence[bytes]) -> None:
        """What was committed."""
        self._rows.update(((experiment_id, key), row) for key, row in zip(keys, sums, strict=True))

    def _load_cell(self, connection: Connection, experiment_id: int, cell: tuple[object, ...]) -> None:
        named = dict(zip(CellKey._fields[:-1], cell, strict=True))
        for part, sums in connection.execute(text(_PARTS), {"experiment_id": experiment_id, **named}):
            self._rows[experiment_id, CellKey._make((*cell, part))] = bytes(sums)
        self._cells.add((experiment_id, *cell))


def metric_places(connection: Connection, experiment_id: int) -> dict[str, int]:
    """Metric → its place in `sums`."""
    return {row[0]: row[1] for row in connection.execute(text(_PLACES), {"experiment_id": experiment_id})}


def write_rollups(connection: Connection, experiment_id: int, increments: Increments, sums: Sequence[bytes]) -> None:
    """Write all tiers and the places of metrics that were first met."""
    metrics = [(experiment_id, increments.places[name], name) for name in increments.new_metrics]
    insert_rows(connection, RollupMetric.__table__, ("experiment_id", "place", "name"), metrics)  # type: ignore[attr-defined]
    rows = [(experiment_id, *key, row) for key, row in zip(increments.keys, sums, strict=True)]
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(_PUT.format(values=", ".join([mark] * 8)), rows)
    add_to_variants(connection, experiment_id, increments.keys, increments.sums)
    add_rows(connection, HourlyRollup.__table__, ("rounds", "total"), increments.hourly)  # type: ignore[attr-defined]
    add_to_hours(connection, experiment_id, increments.hours)


class Totals(NamedTuple):
    """An experiment's totals. `sums` has shape (R, P, 3, 16); `keys` name its rows, `places` its metrics."""

    places: Mapping[str, int]
    keys: list[CellKey]
    sums: Sums


def read_totals(connection: Connection, experiment_id: int) -> Totals:
    """All cells of an experiment, in the order of their keys."""
    places = metric_places(connection, experiment_id)
    # The driver's own rows: wrapping thousands of them takes as long as reading them.
    found = connection.exec_driver_sql(_CELLS.format(id=int(experiment_id))).cursor.fetchall()
    width = len(places) * STATISTICS * PART * 8
    # Metrics met after a row was written are zero in it, and so are the bytes of 0.0.
    packed = b"".join([bytes(row[-1]).ljust(width, b"\0") for row in found])
    sums = np.frombuffer(packed, dtype="<f8").reshape(len(found), len(places), STATISTICS, PART)
    return Totals(places, [CellKey(*row[:-1]) for row in found], sums)
