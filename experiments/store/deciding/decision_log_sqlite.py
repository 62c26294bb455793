"""The log of decisions on the embedded database: reads on the event loop (WAL), commits in the writer's thread."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from experiments.errors import UnavailableError
from experiments.model.deciding.decisions import COLUMNS, MAX_INSTANT, DecisionRow
from experiments.store.core.sqlite_thread import SqliteFile, SqliteThread
from experiments.store.deciding.decision_log import (
    ANY_ERASED,
    ERASED_AT,
    Head,
    Known,
    Stored,
    Wanted,
    after_a_loss,
    clock_updates,
    hashes_of,
)
from experiments.store.limits.ledger import Ledger
from experiments.store.limits.sqlite import append_limited, look_up_limits, look_up_suppressed

_ROWS_AT_ONCE = 1024
"""Sixteen values each: SQLite takes 32,766 in one statement."""

_SELECTED = ", ".join(f"d.{column}" for column in COLUMNS)
_AS_JSON = msgspec.json.Encoder().encode

_LATEST = f"""
SELECT {_SELECTED}, v.decision_id IS NOT NULL FROM json_each(?) AS q
CROSS JOIN decisions AS d ON d.id = (
  SELECT id FROM decisions WHERE experiment_id = ? AND unit_id = q.value ORDER BY epoch DESC, attempt DESC LIMIT 1)
LEFT JOIN voids AS v ON v.decision_id = d.id
"""  # noqa: S608 - the columns are ours
_KEYED = f"""
SELECT {_SELECTED}, v.decision_id IS NOT NULL FROM json_each(?) AS q
CROSS JOIN decisions AS d ON d.id = (
  SELECT id FROM decisions WHERE experiment_id = ? AND idempotency_key = q.value ORDER BY attempt DESC LIMIT 1)
LEFT JOIN voids AS v ON v.decision_id = d.id
"""  # noqa: S608
_PROFILES = """
SELECT unit_id, profile, segments, facts, updated_at, segments_at FROM units
WHERE unit_id IN (SELECT value FROM json_each(?))
"""
_ERASED = """
SELECT unit_hash, tombstone FROM erasures
WHERE lifted_at IS NULL AND unit_hash IN (SELECT value FROM json_each(?))
"""
_HEAD = "SELECT version, clock_now FROM experiments WHERE id = ?"
_LEARNERS = "SELECT variant, snapshot_id FROM learners WHERE experiment_id = ? AND snapshot_id IS NOT NULL"
_ADVANCE = """
UPDATE experiments SET started_at = CASE WHEN clock_now IS NULL THEN ? ELSE started_at END, clock_now = ?
WHERE (clock_now IS NULL OR clock_now < ?) AND id = ?
"""
_INSERT = f"INSERT INTO decisions ({', '.join(COLUMNS)}) VALUES "  # noqa: S608
_VALUES = f"({', '.join('?' * len(COLUMNS))})"
_UNDO = "DELETE FROM decisions WHERE id IN (SELECT value FROM json_each(?))"
_PLACES = """
SELECT id, experiment_id, unit_id, epoch, attempt FROM decisions WHERE id IN (SELECT value FROM json_each(?))
"""


class SqliteDecisionLog:
    """See DecisionLog. `patience` is how long a batch waits for the write lock, in seconds."""

    def __init__(self, path: Path, patience: float) -> None:
        # Readers never wait for writers in WAL; what little they could wait must not hold up the event loop.
        self._file = SqliteFile(path, patience=0.1)
        self._writer = SqliteThread(path, patience)

    async def look_up(self, wanted: Mapping[int, Wanted]) -> Known:
        """See DecisionLog."""
        known = Known()
        try:
            connection = self._file.connection()
            (known.erased_at,) = connection.execute(ERASED_AT).fetchone()
            for experiment_id, what in wanted.items():
                _look_up(connection, experiment_id, what, known)
        except sqlite3.Error as error:
            self._file.close()
            raise UnavailableError("the database could not be read; try again") from error
        return known

    async def append(
        self,
        rows: Sequence[DecisionRow],
        clocks: Mapping[int, int],
        ledger: Ledger | None = None,
        erased_at: int = MAX_INSTANT,
    ) -> set[int]:
        """See DecisionLog."""

        def append(connection: sqlite3.Connection) -> set[int]:
            if connection.execute(ERASED_AT).fetchone()[0] > erased_at:
                return set()
            return _append(connection, rows, clocks, ledger)

        return await self._writer.run(append)

    async def close(self) -> None:
        """See DecisionLog."""
        await self._writer.close()
        self._file.close()


def _look_up(connection: sqlite3.Connection, experiment_id: int, what: Wanted, known: Known) -> None:
    execute = connection.execute
    units = _AS_JSON(list(what.units)).decode()
    head = execute(_HEAD, (experiment_id,)).fetchone()
    if head is not None:
        known.heads[experiment_id] = Head(*head)
    for stored in _stored(execute(_LATEST, (units, experiment_id))):
        known.latest[experiment_id, stored.row.unit_id] = stored
    if what.keys:
        keys = _AS_JSON(list(what.keys)).decode()
        for stored in _stored(execute(_KEYED, (keys, experiment_id))):
            known.keyed[experiment_id, str(stored.row.idempotency_key)] = stored
    for unit_id, profile, segments, facts, updated_at, segments_at in execute(_PROFILES, (units,)):
        known.profiles[unit_id], known.written[unit_id] = profile, (updated_at, segments_at)
        if segments is not None:
            known.segments[unit_id] = segments
        if facts is not None:
            known.facts[unit_id] = facts
    look_up_suppressed(connection, units, known.limits)
    if (setting := execute(ANY_ERASED).fetchone()) is not None:
        hashes = hashes_of(setting[0], what.units)
        found = execute(_ERASED, (_AS_JSON(list(hashes)).decode(),))
        known.erased.update((hashes[hashed], tombstone) for hashed, tombstone in found)
    if what.limits is not None:
        look_up_limits(connection, experiment_id, units, what.limits, known.limits)
    if what.learners:
        known.learners[experiment_id] = dict(execute(_LEARNERS, (experiment_id,)).fetchall())


def _stored(found: Iterable[tuple[object, ...]]) -> list[Stored]:
    return [Stored(DecisionRow._make(columns[:-1]), bool(columns[-1])) for columns in found]


def _append(
    connection: sqlite3.Connection, rows: Sequence[DecisionRow], clocks: Mapping[int, int], ledger: Ledger | None
) -> set[int]:
    if ledger:
        committed = append_limited(connection, rows, ledger, lambda kept: _insert_all(connection, kept))
    else:
        committed = _insert_all(connection, rows)
    if clocks:
        connection.executemany(_ADVANCE, clock_updates(clocks))
    return committed


def _insert_all(connection: sqlite3.Connection, rows: Sequence[DecisionRow]) -> set[int]:
    """Of a unit's rows those before the first that met another's."""
    committed: set[int] = set()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        committed |= _insert(connection, rows[start : start + _ROWS_AT_ONCE])
    if len(committed) < len(rows) and (undone := after_a_loss(rows, committed)):
        connection.execute(_UNDO, (_AS_JSON(undone).decode(),))
        committed.difference_update(undone)
    return committed


def _insert(connection: sqlite3.Connection, rows: Sequence[DecisionRow]) -> set[int]:
    """One statement for many rows: a step per row would hand the interpreter's lock to and fro."""
    statement = f"{_INSERT}{', '.join([_VALUES] * len(rows))} ON CONFLICT DO NOTHING"
    cursor = connection.execute(statement, tuple(chain.from_iterable(rows)))
    if cursor.rowcount == len(rows):
        return {row.id for row in rows}
    # Somebody else's row may hold one of our ids: only a row at its own place is ours.
    found = connection.execute(_PLACES, (_AS_JSON([row.id for row in rows]).decode(),)).fetchall()
    ours = {row.id: row.place for row in rows}
    return {number for number, *place in found if ours[number] == tuple(place)}
