"""The log of decisions on PostgreSQL: one exchange to look up a batch, one to commit it."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

import asyncpg

from experiments.model.deciding.decisions import COLUMNS, MAX_INSTANT, DecisionRow
from experiments.model.times import now
from experiments.store.core.postgres_link import PostgresLink
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
from experiments.store.limits.postgres import append_limited, look_up_limits

_WIDTH = len(COLUMNS)
_by_unit = itemgetter(COLUMNS.index("unit_id"), COLUMNS.index("experiment_id"))
_SELECTED = ", ".join(f"d.{column}" for column in COLUMNS)
_TYPES = {
    "unit_id": "text",
    "epoch": "int",
    "attempt": "int",
    "revision": "int",
    "variant": "text",
    "arm": "text",
    "propensity": "float8",
    "mode": "text",
    "idempotency_key": "text",
    "record": "text",
}

_LATEST = f"""
SELECT {_SELECTED}, v.decision_id IS NOT NULL AS voided, q.experiment_id AS asked, q.unit_id AS asking,
  u.profile, u.updated_at, u.segments, u.segments_at, u.facts, e.version, e.clock_now,
  s.unit_id IS NOT NULL AS suppressed, (_ANY_) AS erasure_key, (_AT_) AS erased_at
FROM unnest($1::bigint[], $2::text[]) AS q(experiment_id, unit_id)
JOIN experiments AS e ON e.id = q.experiment_id
LEFT JOIN units AS u ON u.unit_id = q.unit_id
LEFT JOIN suppressions AS s ON s.unit_id = q.unit_id AND (s.expires_at IS NULL OR s.expires_at > $3)
LEFT JOIN LATERAL (
  SELECT * FROM decisions AS x WHERE x.experiment_id = q.experiment_id AND x.unit_id = q.unit_id
  ORDER BY x.epoch DESC, x.attempt DESC LIMIT 1) AS d ON true
LEFT JOIN voids AS v ON v.decision_id = d.id
""".replace("_ANY_", ANY_ERASED).replace("_AT_", ERASED_AT)  # noqa: S608 - the columns are ours
_ERASED = "SELECT unit_hash, tombstone FROM erasures WHERE lifted_at IS NULL AND unit_hash = ANY($1)"
_KEYED = f"""
SELECT {_SELECTED}, v.decision_id IS NOT NULL FROM unnest($1::bigint[], $2::text[]) AS q(experiment_id, key)
CROSS JOIN LATERAL (
  SELECT * FROM decisions AS x WHERE x.experiment_id = q.experiment_id AND x.idempotency_key = q.key
  ORDER BY x.attempt DESC LIMIT 1) AS d
LEFT JOIN voids AS v ON v.decision_id = d.id
"""  # noqa: S608
_LEARNERS = """
SELECT experiment_id, variant, snapshot_id FROM learners WHERE experiment_id = ANY($1) AND snapshot_id IS NOT NULL
"""
_INSERT = f"""
INSERT INTO decisions ({", ".join(COLUMNS)})
SELECT * FROM unnest({", ".join(f"${n}::{_TYPES.get(name, 'bigint')}[]" for n, name in enumerate(COLUMNS, 1))})
WHERE ({ERASED_AT}) <= ${_WIDTH + 1}::bigint
ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608
_UNDO = "DELETE FROM decisions WHERE id = ANY($1)"
_ADVANCE = """
UPDATE experiments SET started_at = CASE WHEN clock_now IS NULL THEN $1::bigint ELSE started_at END, clock_now = $2
WHERE (clock_now IS NULL OR clock_now < $3) AND id = $4
"""


class PostgresDecisionLog:
    """See DecisionLog. Up to `links` batches may be under way at once."""

    def __init__(self, url: str, patience: float, links: int) -> None:
        self._links = [PostgresLink(url, patience) for _ in range(links)]

    async def look_up(self, wanted: Mapping[int, Wanted]) -> Known:
        """See DecisionLog."""
        return await self._free().run(lambda connection: _look_up(connection, wanted))

    async def append(
        self,
        rows: Sequence[DecisionRow],
        clocks: Mapping[int, int],
        ledger: Ledger | None = None,
        erased_at: int = MAX_INSTANT,
    ) -> set[int]:
        """See DecisionLog. Rows that were committed just before the line broke are not told as committed."""
        return await self._free().run(lambda connection: _append(connection, rows, clocks, (ledger, erased_at)))

    async def close(self) -> None:
        """Close the connections."""
        for link in self._links:
            await link.close()

    def _free(self) -> PostgresLink:
        return next((link for link in self._links if not link.busy), self._links[0])


async def _look_up(connection: asyncpg.Connection, wanted: Mapping[int, Wanted]) -> Known:
    known = Known()
    units = [(experiment_id, unit) for experiment_id, what in wanted.items() for unit in what.units]
    keys = [(experiment_id, key) for experiment_id, what in wanted.items() for key in what.keys]
    learning = [experiment_id for experiment_id, what in wanted.items() if what.learners]
    if units:
        found = await connection.fetch(_LATEST, *map(list, zip(*units, strict=True)), now())
        _note_latest(known, found)
        known.erased_at = found[0]["erased_at"] if found else 0
        if found and (setting := found[0]["erasure_key"]) is not None:
            hashes = hashes_of(setting, {unit for _, unit in units})
            erased = await connection.fetch(_ERASED, list(hashes))
            known.erased.update((hashes[hashed], tombstone) for hashed, tombstone in erased)
    if keys:
        _note_keyed(known, await connection.fetch(_KEYED, *map(list, zip(*keys, strict=True))))
    if learning:
        known.learners = {experiment_id: {} for experiment_id in learning}
        for experiment_id, variant, snapshot_id in await connection.fetch(_LEARNERS, learning):
            known.learners[experiment_id][variant] = snapshot_id
    for experiment_id, what in wanted.items():
        if what.limits is not None:
            await look_up_limits(connection, experiment_id, list(what.units), what.limits, known.limits)
    return known


async def _append(
    connection: asyncpg.Connection,
    rows: Sequence[DecisionRow],
    clocks: Mapping[int, int],
    held: tuple[Ledger | None, int],
) -> set[int]:
    ledger, erased_at = held
    # In one order everywhere: two batches over the same units would wait for each other in a circle.
    ordered = sorted(rows, key=_by_unit)
    once = len(set(map(_by_unit, rows))) == len(rows)
    if once and not clocks and not ledger:
        return await _insert(connection, ordered, erased_at)
    async with connection.transaction():
        if ledger:
            committed = await append_limited(
                connection, ordered, ledger, lambda kept: _insert_all(connection, kept, erased_at)
            )
        else:
            committed = await _insert_all(connection, ordered, erased_at)
        if clocks:
            await connection.executemany(_ADVANCE, clock_updates(clocks))
    return committed


async def _insert_all(connection: asyncpg.Connection, rows: Sequence[DecisionRow], erased_at: int) -> set[int]:
    """In a transaction: of a unit's rows those before the first that met another's."""
    committed = await _insert(connection, rows, erased_at)
    if len(committed) < len(rows) and (undone := after_a_loss(rows, committed)):
        await connection.execute(_UNDO, undone)
        committed.difference_update(undone)
    return committed


async def _insert(connection: asyncpg.Connection, rows: Sequence[DecisionRow], erased_at: int) -> set[int]:
    if not rows:
        return set()
    found = await connection.fetch(_INSERT, *map(list, zip(*rows, strict=True)), erased_at)
    return {number for (number,) in found}


def _note_latest(known: Known, found: Sequence[asyncpg.Record]) -> None:
    for each in found:
        experiment_id, unit_id, profile, updated_at, segments, segments_at, facts, *others = each[_WIDTH + 1 :]
        version, clock_now, suppressed, *_ = others
        known.heads[experiment_id] = Head(version, clock_now)
        if profile is not None:
            known.profiles[unit_id], known.written[unit_id] = profile, (updated_at, segments_at)
        if suppressed:
            known.limits.suppressed.add(unit_id)
        if segments is not None:
            known.segments[unit_id] = segments
        if facts is not None:
            known.facts[unit_id] = facts
        if each[0] is not None:
            known.latest[experiment_id, unit_id] = _stored(each)


def _note_keyed(known: Known, found: Sequence[asyncpg.Record]) -> None:
    for each in found:
        stored = _stored(each)
        known.keyed[stored.row.experiment_id, str(stored.row.idempotency_key)] = stored


def _stored(columns: asyncpg.Record) -> Stored:
    return Stored(DecisionRow._make(columns[:_WIDTH]), bool(columns[_WIDTH]))
