"""Limits on the embedded database: what a batch needs to know, and the writing of what it used."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence

import msgspec

from experiments.errors import LimitLeaseLostError
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.times import now
from experiments.store.limits.ledger import Ledger, LimitsKnown, LimitsWanted, Past, TakenSoFar

_AS_JSON = msgspec.json.Encoder().encode
Insert = Callable[[Sequence[DecisionRow]], set[int]]

_SUPPRESSED = """
SELECT unit_id FROM suppressions WHERE unit_id IN (SELECT value FROM json_each(?))
AND (expires_at IS NULL OR expires_at > ?)
"""
_PAST = """
SELECT d.id, d.unit_id, d.experiment_id, d.revision, d.arm, d.decided_at{money} FROM json_each(?) AS q
CROSS JOIN decisions AS d ON d.unit_id = q.value {joined}
LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE {which} AND d.decided_at > ? AND d.arm <> 'nothing' AND d.mode <> 'forced' AND v.decision_id IS NULL
"""
_MONEY = ", CASE WHEN instr(d.record, '\"costs\":') THEN d.record END, l.metrics"
_WITH_MONEY = "LEFT JOIN logged_rounds AS l ON l.decision_id = d.id"
_ALL = "JOIN experiments AS e ON e.id = d.experiment_id AND e.clock_now IS NULL"
_VERSIONS = "SELECT unit_id, version FROM unit_versions WHERE unit_id IN (SELECT value FROM json_each(?))"
_TAKEN = """
SELECT t.resource,
  t.used - t.voided - t.matured + t.realised
    + coalesce(sum(CASE WHEN l.expires_at < ? THEN l.used ELSE l.granted END), 0),
  t.used - t.voided - t.matured + t.realised + coalesce(sum(l.used), 0)
FROM limit_totals AS t LEFT JOIN limit_leases AS l ON l.experiment_id = t.experiment_id AND l.resource = t.resource
WHERE t.experiment_id = ? GROUP BY t.experiment_id, t.resource
"""
_PRICE = "SELECT shadow_price, expected_costs FROM pacings WHERE experiment_id = ?"
_RAISE = """
INSERT INTO unit_versions (unit_id, version) VALUES (?, ?)
ON CONFLICT (unit_id) DO UPDATE SET version = excluded.version WHERE unit_versions.version = ?
"""
_USE = """
UPDATE limit_leases SET used = used + ?, contingent = contingent + ?, decisions = decisions + ?, expires_at = ?,
  granted_at = 0
WHERE id = ? AND used + ? <= granted
"""


def look_up_suppressed(connection: sqlite3.Connection, units: str, known: LimitsKnown) -> None:
    """Which of these units (a JSON list) nobody may contact."""
    known.suppressed.update(unit for (unit,) in connection.execute(_SUPPRESSED, (units, now())))


def look_up_limits(
    connection: sqlite3.Connection, experiment_id: int, units: str, wanted: LimitsWanted, known: LimitsKnown
) -> None:
    """To be read after the units' latest decisions: whoever is ahead of us is then seen, or in our way."""
    execute = connection.execute
    if wanted.service:
        known.versions.update(execute(_VERSIONS, (units,)).fetchall())
    if wanted.since is not None:
        known.note(_past(connection, experiment_id, units, wanted))
    if wanted.totals:
        found = execute(_TAKEN, (now(), experiment_id))
        known.taken[experiment_id] = {row[0]: TakenSoFar(*row[1:]) for row in found}
        known.price(experiment_id, execute(_PRICE, (experiment_id,)).fetchone())


def _past(connection: sqlite3.Connection, experiment_id: int, units: str, wanted: LimitsWanted) -> list[Past]:
    joined = [_ALL] * wanted.service + [_WITH_MONEY] * wanted.money
    which = "1" if wanted.service else "d.experiment_id = ?"
    statement = _PAST.format(money=_MONEY if wanted.money else "", joined=" ".join(joined), which=which)
    own = () if wanted.service else (experiment_id,)
    return [Past(*row) for row in connection.execute(statement, (units, *own, wanted.since))]


def append_limited(
    connection: sqlite3.Connection, rows: Sequence[DecisionRow], ledger: Ledger, insert: Insert
) -> set[int]:
    """Insert the rows whose units are as they were read, and use the leases; the ids that were inserted.

    Raises LimitLeaseLostError, with which the transaction must be undone.
    """
    beaten = _beaten(connection, ledger.versions)
    committed = insert([row for row in rows if row.unit_id not in beaten] if beaten else rows)
    for lease_id, amount, later, decisions in ledger.sums(committed):
        values = (amount, later, decisions, ledger.expires_at, lease_id, amount)
        if connection.execute(_USE, values).rowcount != 1:
            raise LimitLeaseLostError(f"lease {lease_id} was taken back")
    return committed


def _beaten(connection: sqlite3.Connection, versions: Mapping[str, int]) -> set[str]:
    """The units that somebody else contacted since."""
    return {
        unit
        for unit, version in versions.items()
        if connection.execute(_RAISE, (unit, version + 1, version)).rowcount != 1
    }
