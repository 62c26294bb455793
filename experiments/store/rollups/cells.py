"""Arm cells and their eras as arrays: what is stored, what a batch changes, and what a readout reads."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.model.tables.readouts import EligibleSet
from experiments.store.core.bulk import insert_rows, is_sqlite

Sums = NDArray[np.float64]

BLOCK = 6
"""Rows of `sums` for what no metric enters, and for each metric."""


class EligibleArms(NamedTuple):
    """Arms in the order of the record, and whether the decision's revision had a cap on revenue; see EligibleSet."""

    arms: tuple[str, ...]
    capped: bool


class Era(NamedTuple):
    """A stretch of the joiner's sequence with one weight; see ArmEra."""

    start: int
    rounds: int
    span: int
    opened: Mapping[str, int]


class ArmCellKey(NamedTuple):
    """One row of arm_cells within an experiment. `eligible` is the place of the eligible set."""

    era: int
    variant: str
    segment: str
    eligible: int


class StoredCell(NamedTuple):
    """Rounds and sums of shape (6 + 6 M, K), K the size of the cell's eligible set."""

    rounds: int
    sums: Sums


class PackedCell(NamedTuple):
    """A cell with its key as it is stored: sums still bytes, see `unpacked`."""

    era: int
    variant: str
    segment: str
    eligible: int
    rounds: int
    sums: bytes


class CellChange(NamedTuple):
    """What a batch writes: new eligible sets, eras and cells as they will be, and starts of eras that are no more."""

    sets: Sequence[tuple[int, EligibleArms]]
    eras: Sequence[Era]
    gone: Sequence[int]
    cells: Mapping[ArmCellKey, StoredCell]


_SETS = "SELECT place, arms, capped FROM eligible_sets WHERE experiment_id = :id ORDER BY place"
_ERAS = "SELECT start, rounds, span, opened FROM arm_eras WHERE experiment_id = :id ORDER BY start"
_KEYS = "SELECT era, variant, segment, eligible FROM arm_cells WHERE experiment_id = :id"
_CELLS = "SELECT era, variant, segment, eligible, rounds, sums FROM arm_cells WHERE experiment_id = :id"
_PUT_ERA = """
INSERT INTO arm_eras (experiment_id, start, rounds, span, opened) VALUES ({values})
ON CONFLICT (experiment_id, start) DO UPDATE SET
  rounds = excluded.rounds, span = excluded.span, opened = excluded.opened
"""
_PUT_CELL = """
INSERT INTO arm_cells (experiment_id, era, variant, segment, eligible, rounds, sums) VALUES ({values})
ON CONFLICT (experiment_id, era, variant, segment, eligible)
DO UPDATE SET rounds = excluded.rounds, sums = excluded.sums
"""


def eligible_sets(connection: Connection, experiment_id: int) -> list[EligibleArms]:
    """The sets of eligible arms by their place."""
    found = connection.execute(text(_SETS), {"id": experiment_id})
    return [EligibleArms(tuple(json.loads(row.arms)), bool(row.capped)) for row in found]


def eras_of(connection: Connection, experiment_id: int) -> list[Era]:
    """The eras in the joiner's order."""
    found = connection.execute(text(_ERAS), {"id": experiment_id})
    return [Era(row.start, row.rounds, row.span, json.loads(row.opened)) for row in found]


def cell_keys(connection: Connection, experiment_id: int) -> list[ArmCellKey]:
    """Which cells there are."""
    return [ArmCellKey._make(row) for row in connection.execute(text(_KEYS), {"id": experiment_id})]


def cells_of(
    connection: Connection, experiment_id: int, sets: Sequence[EligibleArms], era: int | None = None
) -> dict[ArmCellKey, StoredCell]:
    """The cells, of all eras or of one."""
    narrowed = _CELLS if era is None else _CELLS + " AND era = :era"
    # Sums of floats depend on their order: the same question has the same answer.
    ordered = text(narrowed + " ORDER BY era, variant, segment, eligible")
    found = connection.execute(ordered, {"id": experiment_id, "era": era})
    return {
        ArmCellKey._make(row[:4]): StoredCell(row.rounds, unpacked(bytes(row.sums), len(sets[row.eligible].arms)))
        for row in found
    }


def packed_cells(connection: Connection, experiment_id: int) -> list[PackedCell]:
    """All cells in the order of their keys."""
    ordered = f"{_CELLS} ORDER BY era, variant, segment, eligible".replace(":id", str(int(experiment_id)))
    # The driver's own rows: wrapping a thousand of them takes as long as reading them.
    return [PackedCell._make(row) for row in connection.exec_driver_sql(ordered).cursor.fetchall()]


def unpacked(stored: bytes, arms: int) -> Sums:
    """(6 + 6 M, K) from bytes."""
    return np.frombuffer(stored, dtype="<f8").reshape(-1, arms)


def write_cells(connection: Connection, experiment_id: int, change: CellChange) -> None:
    """Write what a batch changes."""
    sets = [(experiment_id, place, json.dumps(list(one.arms)), one.capped) for place, one in change.sets]
    names = ("experiment_id", "place", "arms", "capped")
    insert_rows(connection, EligibleSet.__table__, names, sets)  # type: ignore[attr-defined]
    _forget(connection, experiment_id, change.gone)
    eras = [(experiment_id, era.start, era.rounds, era.span, json.dumps(dict(era.opened))) for era in change.eras]
    _put(connection, _PUT_ERA, eras)
    cells = [
        (experiment_id, *key, cell.rounds, np.ascontiguousarray(cell.sums, dtype="<f8").tobytes())
        for key, cell in change.cells.items()
    ]
    _put(connection, _PUT_CELL, cells)


def _forget(connection: Connection, experiment_id: int, starts: Iterable[int]) -> None:
    for start in starts:
        named = {"id": experiment_id, "start": start}
        connection.execute(text("DELETE FROM arm_eras WHERE experiment_id = :id AND start = :start"), named)
        connection.execute(text("DELETE FROM arm_cells WHERE experiment_id = :id AND era = :start"), named)


def _put(connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        mark = "?" if is_sqlite(connection) else "%s"
        connection.exec_driver_sql(statement.format(values=", ".join([mark] * len(rows[0]))), list(rows))


def clear_cells(connection: Connection, experiment_id: int) -> None:
    """Forget everything of an experiment's arms, to write it anew."""
    for table in ("eligible_sets", "arm_eras", "arm_cells"):
        connection.execute(text(f"DELETE FROM {table} WHERE experiment_id = :id"), {"id": experiment_id})  # noqa: S608 - our names
