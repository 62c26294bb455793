"""Voids in the database."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Table, text

from experiments.model.tables import SQLModel
from experiments.store.core.bulk import insert_rows, is_sqlite, one_of, values_for


class Voidable(NamedTuple):
    """A decision as voiding sees it; `reason` where it is void already, `clock_now` on the caller's clock."""

    id: int
    matures_at: int
    joined: bool
    clock_now: int | None
    reason: str | None
    voided_at: int | None


class VoidRow(NamedTuple):
    """One row of `voids`."""

    decision_id: int
    reason: str
    voided_at: int


_TABLE: Table = SQLModel.metadata.tables["voids"]
_FIND = """
SELECT d.id, d.matures_at, l.decision_id IS NOT NULL, e.clock_now, v.reason, v.voided_at
FROM decisions AS d JOIN experiments AS e ON e.id = d.experiment_id
LEFT JOIN logged_rounds AS l ON l.decision_id = d.id LEFT JOIN voids AS v ON v.decision_id = d.id WHERE
"""


def voidable(connection: Connection, ids: Iterable[int]) -> dict[int, Voidable]:
    """The decisions of these ids; on PostgreSQL locked, so that two voids of one decision come one after the other."""
    values = {"ids": values_for(connection, set(ids))}
    if not is_sqlite(connection):
        condition = one_of(connection, "id", "ids")
        connection.execute(text(f"SELECT id FROM decisions WHERE {condition} ORDER BY id FOR UPDATE"), values)  # noqa: S608
    found = connection.execute(text(_FIND + one_of(connection, "d.id", "ids")), values)
    return {row[0]: Voidable(row[0], row[1], bool(row[2]), *row[3:]) for row in found}


def append_voids(connection: Connection, rows: Sequence[VoidRow]) -> None:
    """Store rows of decisions that are not void."""
    insert_rows(connection, _TABLE, VoidRow._fields, rows)
