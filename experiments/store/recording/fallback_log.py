"""Exposures without a decision in the database, and the decisions that they touch."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Table, text

from experiments.model.tables import SQLModel
from experiments.store.core.bulk import insert_rows, one_of, values_for


class FallbackRow(NamedTuple):
    """One row of `fallback_exposures`, in the order of its columns behind the id."""

    exposure_id: str
    experiment_id: int
    unit_id: str
    arm: str
    at: int
    received_at: int
    decision_id: int | None
    voided: bool


class Touched(NamedTuple):
    """Decisions of one variant and arm, and how many of them each kind of exposure touches."""

    variant: str
    arm: str
    decisions: int
    before: int
    after: int


_TABLE: Table = SQLModel.metadata.tables["fallback_exposures"]
_KEYED = "SELECT idempotency_key, unit_id, id FROM decisions WHERE experiment_id = :experiment_id AND "
_NEAR = """EXISTS (SELECT 1 FROM fallback_exposures f WHERE f.experiment_id = d.experiment_id AND f.unit_id = d.unit_id
AND f.at > {start} AND f.at <= {end} AND coalesce(f.decision_id, -1) <> d.id)"""
_BEFORE = _NEAR.format(start="d.decided_at - :window", end="d.decided_at")
_AFTER = _NEAR.format(start="d.decided_at", end="d.decided_at + :window")
_EXPOSED = "d.unit_id IN (SELECT unit_id FROM fallback_exposures WHERE experiment_id = :experiment_id)"
_TOUCHED = f"""
SELECT d.variant, d.arm, count(*), sum(CASE WHEN {_EXPOSED} AND {_BEFORE} THEN 1 ELSE 0 END),
  sum(CASE WHEN {_EXPOSED} AND {_AFTER} THEN 1 ELSE 0 END)
FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND v.decision_id IS NULL AND d.mode <> 'forced'
GROUP BY d.variant, d.arm ORDER BY d.variant, d.arm
"""  # noqa: S608 - nothing of a caller's
_OF_EXPOSED = f"""
SELECT d.variant, d.arm, count(*), sum(CASE WHEN {_BEFORE} THEN 1 ELSE 0 END), sum(CASE WHEN {_AFTER} THEN 1 ELSE 0 END)
FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND {_EXPOSED} AND d.mode <> 'forced'
AND coalesce(v.reason, '') <> 'replay_rejected' AND d.matures_at <= :through
GROUP BY d.variant, d.arm ORDER BY d.variant, d.arm
"""  # noqa: S608 - nothing of a caller's
_CARRIED = f"SELECT d.id FROM decisions d WHERE d.experiment_id = :experiment_id AND {_EXPOSED} AND {_BEFORE}"  # noqa: S608


def known_exposures(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these exposure ids are stored."""
    condition = one_of(connection, "exposure_id", "ids")
    query = text(f"SELECT exposure_id FROM fallback_exposures WHERE {condition}")  # noqa: S608
    return {row[0] for row in connection.execute(query, {"ids": values_for(connection, set(ids))})}


def decisions_keyed(connection: Connection, experiment_id: int, keys: Iterable[str]) -> dict[tuple[str, str], int]:
    """(idempotency key, unit) → the last decision made under it."""
    query = text(_KEYED + one_of(connection, "idempotency_key", "keys") + " ORDER BY attempt")
    found = connection.execute(query, {"experiment_id": experiment_id, "keys": values_for(connection, set(keys))})
    return {(key, unit_id): number for key, unit_id, number in found}


def append_exposures(connection: Connection, rows: Sequence[FallbackRow]) -> None:
    """Store rows."""
    insert_rows(connection, _TABLE, FallbackRow._fields, rows)


def touched(connection: Connection, experiment_id: int, window: int) -> list[Touched]:
    """Standing decisions by variant and arm, and how many lie within `window` after or before an exposure."""
    span = {"experiment_id": experiment_id, "window": window}
    return [Touched(row[0], row[1], *map(int, row[2:])) for row in connection.execute(text(_TOUCHED), span)]


def touched_and_matured(connection: Connection, experiment_id: int, window: int, through: int) -> list[Touched]:
    """The same of the exposed units' decisions alone, void ones among them, matured by `through`."""
    span = {"experiment_id": experiment_id, "window": window, "through": through}
    return [Touched(row[0], row[1], *map(int, row[2:])) for row in connection.execute(text(_OF_EXPOSED), span)]


def carried_over(connection: Connection, experiment_id: int, window: int) -> set[int]:
    """Decisions drawn within `window` after an exposure of their unit: those that a readout may leave out.

    Whether a unit had such an exposure was settled before the draw, so that leaving them out favours no arm.
    """
    span = {"experiment_id": experiment_id, "window": window}
    return {row[0] for row in connection.execute(text(_CARRIED), span)}


def exposure_counts(connection: Connection, experiment_id: int) -> dict[str, int]:
    """Exposures, their units, decisions that the failed calls made unseen, and how many of those were voided."""
    query = text(
        "SELECT count(*), count(DISTINCT unit_id), count(decision_id), sum(CASE WHEN voided THEN 1 ELSE 0 END) "
        "FROM fallback_exposures WHERE experiment_id = :id"
    )
    found = connection.execute(query, {"id": experiment_id}).one()
    return dict(
        zip(("exposures", "units", "unseen_decisions", "voided"), (int(each or 0) for each in found), strict=True)
    )
