"""All sums that readouts of one experiment read, at one moment; and putting others in their place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.model.tables.workers import HourlyRollup, RollupMetric
from experiments.model.trust_sums import CALIBRATION, DAYS, DRAWS, ENROLLED, EXPOSURE, RATIO, VOIDS
from experiments.store.core.bulk import insert_rows, is_sqlite
from experiments.store.joining.matured import last_sequence_of
from experiments.store.rollups.cells import (
    ArmCellKey,
    CellChange,
    EligibleArms,
    Era,
    StoredCell,
    cells_of,
    clear_cells,
    eligible_sets,
    eras_of,
    write_cells,
)
from experiments.store.rollups.days import forget_days
from experiments.store.rollups.hour_totals import sum_hours_anew
from experiments.store.rollups.tiers import CellKey, Totals, read_totals
from experiments.store.rollups.trust_sums import TrustKey, clear_trust, read_trust, write_trust
from experiments.store.rollups.variant_totals import replace_variants

Floats = NDArray[np.float64]
HourKey = tuple[int, int, str, str, str, int, str]

REBUILT = (ENROLLED, RATIO, CALIBRATION, DRAWS, VOIDS, EXPOSURE, DAYS)
"""Trust sums that follow from decisions and rounds; lags follow from outcomes, and are left as they are."""


class StoredSums(NamedTuple):
    """What is stored up to `through` in the joiner's sequence."""

    through: int
    totals: Totals
    hourly: Mapping[HourKey, tuple[int, float]]
    sets: Sequence[EligibleArms]
    eras: Sequence[Era]
    cells: Mapping[ArmCellKey, StoredCell]
    trust: Mapping[TrustKey, Floats]


class NewSums(NamedTuple):
    """What to store instead. `totals` have shape (R, P, 3, 16), metrics by `places`."""

    places: Mapping[str, int]
    keys: Sequence[CellKey]
    totals: Floats
    hourly: Mapping[HourKey, tuple[int, float]]
    cells: CellChange
    trust: Mapping[TrustKey, Floats]


_HOURS = """
SELECT hour, revision, variant, arm, segment, voided, metric, rounds, total FROM rollup_hourly
WHERE experiment_id = :id
"""
_PUT = """
INSERT INTO rollup_totals (experiment_id, revision, variant, arm, segment, voided, part, sums) VALUES ({values})
"""
_TIERS = ("rollup_totals", "rollup_metrics", "rollup_hourly")


def stored_sums(connection: Connection, experiment_id: int) -> StoredSums:
    """Everything, in one transaction."""
    hourly = {tuple(row[:7]): (row[7], row[8]) for row in connection.execute(text(_HOURS), {"id": experiment_id})}
    sets = eligible_sets(connection, experiment_id)
    return StoredSums(
        last_sequence_of(connection, experiment_id),
        read_totals(connection, experiment_id),
        hourly,
        sets,
        eras_of(connection, experiment_id),
        cells_of(connection, experiment_id, sets),
        {key: row for key, row in read_trust(connection, experiment_id).items() if key.name in REBUILT},
    )


def replace_sums(connection: Connection, experiment_id: int, new: NewSums) -> None:
    """Put them in place of what is stored."""
    for table in _TIERS:
        connection.execute(text(f"DELETE FROM {table} WHERE experiment_id = :id"), {"id": experiment_id})  # noqa: S608 - our names
    forget_days(connection, experiment_id)
    clear_cells(connection, experiment_id)
    clear_trust(connection, experiment_id, REBUILT)
    places = [(experiment_id, place, name) for name, place in new.places.items()]
    insert_rows(connection, RollupMetric.__table__, ("experiment_id", "place", "name"), places)  # type: ignore[attr-defined]
    _put_totals(connection, [(experiment_id, *key, row) for key, row in zip(new.keys, _bytes(new.totals), strict=True)])
    replace_variants(connection, experiment_id, new.keys, np.asarray(new.totals, dtype=np.float64))
    hours = [(experiment_id, *key, *sums) for key, sums in new.hourly.items()]
    names = tuple(column.name for column in HourlyRollup.__table__.columns)  # type: ignore[attr-defined]
    insert_rows(connection, HourlyRollup.__table__, names, hours)  # type: ignore[attr-defined]
    sum_hours_anew(connection, experiment_id, new.places)
    write_cells(connection, experiment_id, new.cells)
    write_trust(connection, experiment_id, new.trust)


def _bytes(totals: Floats) -> Iterable[bytes]:
    return (np.ascontiguousarray(row, dtype="<f8").tobytes() for row in totals)


def _put_totals(connection: Connection, rows: list[tuple[object, ...]]) -> None:
    if rows:
        mark = "?" if is_sqlite(connection) else "%s"
        connection.exec_driver_sql(_PUT.format(values=", ".join([mark] * 8)), rows)
