"""Outcomes in the database, and what must be known of decisions to classify them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, text

from experiments.store.core.bulk import is_sqlite, one_of, values_for
from experiments.store.core.locks import Lock

_AS_JSON = msgspec.json.Encoder().encode


class OutcomeRow(NamedTuple):
    """One row of `outcomes`, in the order of COLUMNS."""

    source: str
    event_id: str
    decision_id: int | None
    unit_id: str | None
    kind: str
    value: float | None
    occurred_at: int
    received_at: int
    received_clock: int | None
    outcome_class: str
    properties: str | None


class Candidate(NamedTuple):
    """A decision that an outcome may count for. `clock_now` is the caller's clock, None on the server's."""

    id: int
    experiment_id: int
    unit_id: str
    revision: int
    decided_at: int
    matures_at: int
    joined: bool
    clock_now: int | None


COLUMNS = OutcomeRow._fields
_TYPES = {
    "decision_id": "bigint",
    "value": "float8",
    "occurred_at": "bigint",
    "received_at": "bigint",
    "received_clock": "bigint",
}
_CANDIDATES = """
SELECT d.id, d.experiment_id, d.unit_id, d.revision, d.decided_at, d.matures_at, l.decision_id IS NOT NULL, e.clock_now
FROM decisions AS d JOIN experiments AS e ON e.id = d.experiment_id
LEFT JOIN logged_rounds AS l ON l.decision_id = d.id WHERE
"""
_SQLITE_SEEN = """
SELECT o.source, o.event_id FROM json_each(:events) AS q CROSS JOIN outcomes AS o
ON o.source = json_extract(q.value, '$[0]') AND o.event_id = json_extract(q.value, '$[1]')
"""
# LATERAL with a limit: a join could be planned as a walk over the whole table.
_POSTGRES_SEEN = """
SELECT o.source, o.event_id FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS q(source, event_id)
CROSS JOIN LATERAL (
  SELECT source, event_id FROM outcomes AS x WHERE x.source = q.source AND x.event_id = q.event_id LIMIT 1) AS o
"""
_SQLITE_INSERT = f"""
INSERT INTO outcomes ({", ".join(COLUMNS)}) VALUES ({", ".join("?" * len(COLUMNS))}) ON CONFLICT DO NOTHING
"""  # noqa: S608 - the columns are ours
_POSTGRES_INSERT = f"""
INSERT INTO outcomes ({", ".join(COLUMNS)})
SELECT * FROM unnest({", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in COLUMNS)})
ON CONFLICT DO NOTHING RETURNING source, event_id
"""  # noqa: S608


def hold_off_the_joiner(connection: Connection) -> None:
    """Until the transaction ends no decision is joined, so that a class told to the caller stays true."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": Lock.INTAKE.value})


def seen_before(connection: Connection, events: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (source, event_id) are stored: one look into the unique index for each."""
    wanted = sorted(set(events))
    if is_sqlite(connection):
        found = connection.execute(text(_SQLITE_SEEN), {"events": _AS_JSON(wanted).decode()})
    else:
        sources, ids = [source for source, _ in wanted], [event_id for _, event_id in wanted]
        found = connection.execute(text(_POSTGRES_SEEN), {"sources": sources, "ids": ids})
    return {(source, event_id) for source, event_id in found}


def decisions_named(connection: Connection, ids: Iterable[int]) -> dict[int, Candidate]:
    """The decisions of these ids."""
    found = _candidates(connection, one_of(connection, "d.id", "ids"), {"ids": values_for(connection, set(ids))})
    return {each.id: each for each in found}


def decisions_of(connection: Connection, units: Iterable[str], since: int) -> list[Candidate]:
    """The decisions of these units that mature at or after an instant."""
    condition = f"{one_of(connection, 'd.unit_id', 'units')} AND d.matures_at >= :since"
    return _candidates(connection, condition, {"units": values_for(connection, set(units)), "since": since})


def append_outcomes(connection: Connection, rows: Sequence[OutcomeRow]) -> set[tuple[str, str]]:
    """Store rows; the (source, event_id) of those that nobody else stored meanwhile."""
    if is_sqlite(connection):  # whoever writes is alone: what `seen_before` found is all there is
        connection.exec_driver_sql(_SQLITE_INSERT, [tuple(row) for row in rows])
        return {(row.source, row.event_id) for row in rows}
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    return {(source, event_id) for source, event_id in connection.exec_driver_sql(_POSTGRES_INSERT, columns)}


def _candidates(connection: Connection, condition: str, values: dict[str, object]) -> list[Candidate]:
    found = connection.execute(text(_CANDIDATES + condition), values)
    return [Candidate(*(*row[:6], bool(row[6]), row[7])) for row in found]
