"""Totals of limits and the leases of blocks: granted, folded in when they expire, given back by voids."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from experiments.model.ids import first_id
from experiments.model.limit_plan import Use, cost_of, use_of
from experiments.model.times import SECOND, now
from experiments.store.bulk import is_sqlite, one_of, values_for
from experiments.store.engine import reading, transaction
from experiments.store.revisions import RevisionBook

SHARE = 8
"""A block is at least this part of what is free, so that few are asked for while there is plenty."""

_SETTLED_AFTER = 30 * SECOND
"""Decisions older than this are committed or never will be: they can be counted outside of the write lock."""

_OPEN = """
INSERT INTO limit_totals (experiment_id, resource, used, contingent, decisions, voided, voided_contingent, matured,
  matured_contingent, realised, settled_seq, opened_at)
VALUES (:experiment_id, :resource, :used, :contingent, :decisions, 0, 0, 0, 0, 0, 0, :now) ON CONFLICT DO NOTHING
"""
_TOTAL = """
SELECT used - voided - matured + realised AS taken FROM limit_totals
WHERE experiment_id = :experiment_id AND resource = :resource
"""
_EXPIRED = """
SELECT id FROM limit_leases
WHERE experiment_id = :experiment_id AND resource = :resource AND expires_at < :now AND holder <> :holder
ORDER BY id
"""
_HELD = """
SELECT id, experiment_id, resource FROM limit_leases WHERE holder = :holder ORDER BY experiment_id, resource
"""
_FOLD = """
UPDATE limit_totals SET used = used + :used, contingent = contingent + :contingent, decisions = decisions + :decisions
WHERE experiment_id = :experiment_id AND resource = :resource
"""
_REVOKE = """
UPDATE limit_leases SET granted = used WHERE experiment_id = :experiment_id AND resource = :resource AND granted > used
"""
_GRANTED = """
SELECT coalesce(sum(granted), 0) FROM limit_leases WHERE experiment_id = :experiment_id AND resource = :resource
"""
_GRANT = """
INSERT INTO limit_leases (experiment_id, resource, holder, granted, used, contingent, decisions, expires_at)
VALUES (:experiment_id, :resource, :holder, :amount, 0, 0, 0, :expires_at)
ON CONFLICT (experiment_id, resource, holder)
DO UPDATE SET granted = limit_leases.granted + excluded.granted, expires_at = excluded.expires_at
RETURNING id, granted, used
"""
_COUNT = """
SELECT d.revision, d.arm, count(*) FROM decisions AS d LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND d.id >= :first AND d.id < :last AND v.decision_id IS NULL
AND d.mode <> 'forced' AND d.record NOT LIKE '%"costs":%' GROUP BY d.revision, d.arm
"""
_OVERRIDDEN = """
SELECT d.revision, d.arm, d.record FROM decisions AS d LEFT JOIN voids AS v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND d.id >= :first AND d.id < :last AND v.decision_id IS NULL
AND d.mode <> 'forced' AND d.record LIKE '%"costs":%'
"""
_LIMITED = """
SELECT d.experiment_id, d.revision, d.arm, d.record FROM decisions AS d WHERE {which} AND d.mode <> 'forced'
AND EXISTS (SELECT 1 FROM limit_totals AS t WHERE t.experiment_id = d.experiment_id)
"""
_RESOURCES = "SELECT resource FROM limit_totals WHERE experiment_id = :experiment_id ORDER BY resource"
_VOID = """
UPDATE limit_totals SET voided = voided + :amount, voided_contingent = voided_contingent + :later
WHERE experiment_id = :experiment_id AND resource = :resource
"""
_LATEST_ID = 2**63 - 1


class Ask(NamedTuple):
    """More of a resource is wanted: `want`, while no more than `limit` is ever taken in all."""

    experiment_id: int
    resource: str
    limit: int
    want: int


class Grant(NamedTuple):
    """A lease as it stands after the ask."""

    experiment_id: int
    resource: str
    lease_id: int
    granted: int
    used: int


class Overrides(msgspec.Struct):
    """The part of a record that says what an arm cost, where that was overridden by hand."""

    costs: dict[str, float] = {}


decode_overrides = msgspec.json.Decoder(Overrides).decode


def grant_blocks(engine: Engine, holder: tuple[str, int], asks: Sequence[Ask]) -> list[Grant]:
    """Extend the holder's leases (its name, and their length in microseconds) by what is free.

    A total that is not there yet is opened with what was decided before. Expired leases are folded into their totals.
    Where a limit was lowered below what is taken, all that leases have not used is taken back. Raises
    UnavailableError.
    """
    ordered = sorted(asks)
    split = first_id(now() - _SETTLED_AFTER)
    with reading(engine) as session:
        before = {ask: _used_before(session, ask, (0, split)) for ask in ordered if _taken(session, ask) is None}
    with transaction(engine) as session:
        return [_grant(session, holder, ask, before.get(ask), split) for ask in ordered]


def return_blocks(engine: Engine, holder: str) -> None:
    """Fold the holder's leases into their totals: it ends. Raises UnavailableError."""
    with transaction(engine) as session:
        connection = session.connection()
        for number, experiment_id, resource in connection.execute(text(_HELD), {"holder": holder}).all():
            place = {"experiment_id": experiment_id, "resource": resource}
            _lock(connection, place)
            _fold(connection, place, number)


def give_back(session: Session, ids: Iterable[int]) -> None:
    """Give back what these decisions, void from this transaction on, took of their experiments' totals."""
    connection = session.connection()
    statement = text(_LIMITED.format(which=one_of(connection, "d.id", "ids")))
    rows = connection.execute(statement, {"ids": values_for(connection, list(ids))}).all()
    book, sums = RevisionBook(), dict[tuple[int, str], list[int]]()
    for experiment_id in sorted({row[0] for row in rows}):
        resources = [row[0] for row in connection.execute(text(_RESOURCES), {"experiment_id": experiment_id})]
        for _, revision, arm, record in (row for row in rows if row[0] == experiment_id):
            for use in uses_of(session, book, (experiment_id, revision, arm, record), resources):
                found = sums.setdefault((experiment_id, use.resource), [0, 0])
                found[0] += use.amount
                found[1] += use.later
    for (experiment_id, resource), (amount, later) in sorted(sums.items()):
        values = {"experiment_id": experiment_id, "resource": resource, "amount": amount, "later": later}
        connection.execute(text(_VOID), values)


def uses_of(
    session: Session, book: RevisionBook, decision: tuple[int, int, str, str], resources: Iterable[str]
) -> list[Use]:
    """What a decision (experiment, revision, arm, record) took of each resource."""
    experiment_id, revision, arm, record = decision
    costs = decode_overrides(record).costs if '"costs":' in record else {}
    definition = book.of(session, experiment_id, revision).definition
    cost = cost_of(definition.arm(arm), costs.get(arm))
    return [use_of(resource, arm, cost) for resource in resources]


def forget_totals(session: Session, experiment_id: int, kept: Iterable[str]) -> None:
    """Drop the totals of limits that are no more, so that a later one of the name counts afresh from the decisions."""
    connection = session.connection()
    found = [row[0] for row in connection.execute(text(_RESOURCES), {"experiment_id": experiment_id})]
    for resource in sorted(set(found) - set(kept)):
        values = {"experiment_id": experiment_id, "resource": resource}
        for table in ("limit_totals", "limit_leases"):
            statement = f"DELETE FROM {table} WHERE experiment_id = :experiment_id AND resource = :resource"  # noqa: S608 - ours
            connection.execute(text(statement), values)


def _grant(session: Session, holder: tuple[str, int], ask: Ask, before: Mapping[str, int] | None, split: int) -> Grant:
    connection, (name, length) = session.connection(), holder
    place: dict[str, Any] = {"experiment_id": ask.experiment_id, "resource": ask.resource}
    if before is not None:
        since = _used_before(session, ask, (split, _LATEST_ID))
        used = {key: before[key] + since[key] for key in before}
        connection.execute(text(_OPEN), {**place, **used, "now": now()})
    _lock(connection, place)
    expired = connection.execute(text(_EXPIRED), {**place, "now": now(), "holder": name})
    for (number,) in expired.all():
        _fold(connection, place, number)
    free = _free(session, ask)
    if free < 0:
        connection.execute(text(_REVOKE), place)
        free = _free(session, ask)
    amount = max(0, min(free, max(ask.want, free // SHARE)))
    values = {**place, "holder": name, "amount": amount, "expires_at": now() + length}
    return Grant(ask.experiment_id, ask.resource, *connection.execute(text(_GRANT), values).one())


def _free(session: Session, ask: Ask) -> int:
    place = {"experiment_id": ask.experiment_id, "resource": ask.resource}
    granted: int = session.connection().execute(text(_GRANTED), place).scalar_one()
    return ask.limit - (_taken(session, ask) or 0) - int(granted)


def _taken(session: Session, ask: Ask) -> int | None:
    """What is used for good, by leases that are no more; None where the total was never opened."""
    place = {"experiment_id": ask.experiment_id, "resource": ask.resource}
    return session.connection().execute(text(_TOTAL), place).scalar_one_or_none()


def _used_before(session: Session, ask: Ask, ids: tuple[int, int]) -> dict[str, int]:
    """What the decisions in a range of ids use."""
    connection, book = session.connection(), RevisionBook()
    span = {"experiment_id": ask.experiment_id, "first": ids[0], "last": ids[1]}
    counted = [(*row, "") for row in connection.execute(text(_COUNT), span)]
    single = [(row[0], row[1], 1, row[2]) for row in connection.execute(text(_OVERRIDDEN), span)]
    sums = {"used": 0, "contingent": 0, "decisions": 0}
    for revision, arm, count, record in (*counted, *single):
        (use,) = uses_of(session, book, (ask.experiment_id, revision, arm, record), [ask.resource])
        sums["used"] += count * use.amount
        sums["contingent"] += count * use.later
        sums["decisions"] += count
    return sums


def _fold(connection: Connection, place: Mapping[str, Any], number: int) -> None:
    # Deleted first: a lease that its holder uses at this very moment is read again with what it used.
    statement = text("DELETE FROM limit_leases WHERE id = :id RETURNING used, contingent, decisions")
    found = connection.execute(statement, {"id": number}).mappings().first()
    if found is not None:
        connection.execute(text(_FOLD), {**place, **found})


def _lock(connection: Connection, place: Mapping[str, Any]) -> None:
    """On PostgreSQL whoever changes a total waits for the others; SQLite has one writer."""
    if not is_sqlite(connection):
        statement = (
            "SELECT 1 FROM limit_totals WHERE experiment_id = :experiment_id AND resource = :resource FOR UPDATE"
        )
        connection.execute(text(statement), place)
