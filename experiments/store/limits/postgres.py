"""Limits on PostgreSQL: what a batch needs to know, and the writing of what it used."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg

from experiments.errors import LimitLeaseLostError
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.times import now
from experiments.store.limits.ledger import Ledger, LimitsKnown, LimitsWanted, Past, TakenSoFar

Insert = Callable[[Sequence[DecisionRow]], Awaitable[set[int]]]

_PAST = """
SELECT d.id, d.unit_id, d.experiment_id, d.revision, d.arm, d.decided_at{money} FROM unnest($1::text[]) AS q(unit_id)
JOIN decisions AS d ON d.unit_id = q.unit_id {joined}
LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE {which} AND d.decided_at > $2 AND d.arm <> 'nothing' AND d.mode <> 'forced' AND v.decision_id IS NULL
"""
_MONEY = ", CASE WHEN strpos(d.record, '\"costs\":') > 0 THEN d.record END, l.metrics::text"
_WITH_MONEY = "LEFT JOIN logged_rounds AS l ON l.decision_id = d.id"
_ALL = "JOIN experiments AS e ON e.id = d.experiment_id AND e.clock_now IS NULL"
_VERSIONS = "SELECT unit_id, version FROM unit_versions WHERE unit_id = ANY($1)"
_TAKEN = """
SELECT t.resource,
  (t.used - t.voided - t.matured + t.realised
    + coalesce(sum(CASE WHEN l.expires_at < $1 THEN l.used ELSE l.granted END), 0))::bigint,
  (t.used - t.voided - t.matured + t.realised + coalesce(sum(l.used), 0))::bigint
FROM limit_totals AS t LEFT JOIN limit_leases AS l ON l.experiment_id = t.experiment_id AND l.resource = t.resource
WHERE t.experiment_id = $2 GROUP BY t.experiment_id, t.resource
"""
_PRICE = "SELECT shadow_price, expected_costs FROM pacings WHERE experiment_id = $1"
_RAISE = """
INSERT INTO unit_versions AS u (unit_id, version)
SELECT q.unit_id, q.version FROM unnest($1::text[], $2::bigint[]) AS q(unit_id, version)
ON CONFLICT (unit_id) DO UPDATE SET version = excluded.version WHERE u.version = excluded.version - 1
RETURNING unit_id
"""
_USE = """
UPDATE limit_leases SET used = used + $1, contingent = contingent + $2, decisions = decisions + $3, expires_at = $4,
  granted_at = 0
WHERE id = $5 AND used + $1 <= granted RETURNING id
"""


async def look_up_limits(
    connection: asyncpg.Connection, experiment_id: int, units: list[str], wanted: LimitsWanted, known: LimitsKnown
) -> None:
    """To be read after the units' latest decisions: whoever is ahead of us is then seen, or in our way."""
    if wanted.service:
        known.versions.update(map(tuple, await connection.fetch(_VERSIONS, units)))
    if wanted.since is not None:
        known.note(await _past(connection, experiment_id, units, wanted))
    if wanted.totals:
        found = await connection.fetch(_TAKEN, now(), experiment_id)
        known.taken[experiment_id] = {row[0]: TakenSoFar(*row[1:]) for row in found}
        known.price(experiment_id, await connection.fetchrow(_PRICE, experiment_id))


async def _past(
    connection: asyncpg.Connection, experiment_id: int, units: list[str], wanted: LimitsWanted
) -> list[Past]:
    joined = [_ALL] * wanted.service + [_WITH_MONEY] * wanted.money
    which = "true" if wanted.service else "d.experiment_id = $3"
    statement = _PAST.format(money=_MONEY if wanted.money else "", joined=" ".join(joined), which=which)
    own = () if wanted.service else (experiment_id,)
    return [Past(*row) for row in await connection.fetch(statement, units, wanted.since, *own)]


async def append_limited(
    connection: asyncpg.Connection, rows: Sequence[DecisionRow], ledger: Ledger, insert: Insert
) -> set[int]:
    """Insert the rows whose units are as they were read, and use the leases; the ids that were inserted.

    Raises LimitLeaseLostError, with which the transaction must be undone.
    """
    beaten = await _beaten(connection, ledger.versions)
    committed = await insert([row for row in rows if row.unit_id not in beaten] if beaten else rows)
    for lease_id, amount, later, decisions in ledger.sums(committed):
        if await connection.fetchval(_USE, amount, later, decisions, ledger.expires_at, lease_id) is None:
            raise LimitLeaseLostError(f"lease {lease_id} was taken back")
    return committed


async def _beaten(connection: asyncpg.Connection, versions: Mapping[str, int]) -> set[str]:
    """The units that somebody else contacted since. In one order everywhere, so that nobody waits in a circle."""
    if not versions:
        return set()
    units = sorted(versions)
    found = await connection.fetch(_RAISE, units, [versions[unit] + 1 for unit in units])
    return versions.keys() - {unit for (unit,) in found}
