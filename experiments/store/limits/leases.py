"""Leases of blocks of totals: granted, called back where they lie idle, folded in when they expire."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from experiments.model.ids import first_id
from experiments.model.times import SECOND, now
from experiments.store.core.bulk import is_sqlite
from experiments.store.core.engine import reading, transaction
from experiments.store.limits.totals import taken_for_good, used_before

SHARE = 8
"""A block is at least this part of what is free, so that few are asked for while there is plenty."""

PROTECTED = SECOND
"""So long after a grant nobody else takes of it: its holder has one batch under way. Its first commit ends this."""

_SETTLED_AFTER = 30 * SECOND
"""Decisions older than this are committed or never will be: they can be counted outside of the write lock."""

_LATEST_ID = 2**63 - 1

_OPEN = """
INSERT INTO limit_totals (experiment_id, resource, used, contingent, decisions, voided, voided_contingent, matured,
  matured_contingent, realised, settled_seq, opened_at)
VALUES (:experiment_id, :resource, :used, :contingent, :decisions, 0, 0, 0, 0, 0, 0, :now) ON CONFLICT DO NOTHING
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
_IDLE = """
SELECT id, granted - used FROM limit_leases
WHERE experiment_id = :experiment_id AND resource = :resource AND holder <> :holder AND granted > used
AND NOT granted_at BETWEEN :since AND :until ORDER BY id
"""
_CALL_BACK = "UPDATE limit_leases SET granted = granted - :amount WHERE id = :id AND granted - used >= :amount"
_UNUSED = """
SELECT granted - used FROM limit_leases
WHERE experiment_id = :experiment_id AND resource = :resource AND holder = :holder
"""
_GRANTED = """
SELECT coalesce(sum(granted), 0) FROM limit_leases WHERE experiment_id = :experiment_id AND resource = :resource
"""
_GRANT = """
INSERT INTO limit_leases (experiment_id, resource, holder, granted, used, contingent, decisions, granted_at, expires_at)
VALUES (:experiment_id, :resource, :holder, :amount, 0, 0, 0, :granted_at, :expires_at)
ON CONFLICT (experiment_id, resource, holder)
DO UPDATE SET granted = limit_leases.granted + excluded.granted, granted_at = excluded.granted_at,
  expires_at = excluded.expires_at
RETURNING id, granted, used
"""


class Holder(NamedTuple):
    """Who asks, how long its leases last in microseconds, and whether what others leave idle is called back for it."""

    name: str
    length: int
    calls_back: bool = False


class Ask(NamedTuple):
    """`want` of a resource should be there unused, of no more than `limit` in all; a decision takes at most `most`."""

    experiment_id: int
    resource: str
    limit: int
    want: int
    most: int


class Grant(NamedTuple):
    """A lease as it stands after the ask."""

    experiment_id: int
    resource: str
    lease_id: int
    granted: int
    used: int


def grant_blocks(engine: Engine, holder: Holder, asks: Sequence[Ask]) -> list[Grant]:
    """Extend the holder's leases by what is free, and by what others leave idle where it calls that back.

    A total that is not there yet is opened with what was decided before. Expired leases are folded into their totals.
    Where a limit was lowered below what is taken, all that leases have not used is taken back. Each ask is granted
    alone, so that nobody waits in a circle. Raises UnavailableError.
    """
    ordered = sorted(asks)
    split = first_id(now() - _SETTLED_AFTER)
    with reading(engine) as session:
        before = {ask: used_before(session, ask[:2], (0, split)) for ask in ordered if not _is_open(session, ask)}
    grants = []
    for ask in ordered:
        with transaction(engine) as session:
            grants.append(_grant(session, holder, ask, before.get(ask), split))
    return grants


def return_blocks(engine: Engine, holder: str) -> None:
    """Fold the holder's leases into their totals: it ends. Raises UnavailableError."""
    with transaction(engine) as session:
        connection = session.connection()
        for number, experiment_id, resource in connection.execute(text(_HELD), {"holder": holder}).all():
            place = {"experiment_id": experiment_id, "resource": resource}
            _lock(connection, place)
            _fold(connection, place, number)


def block_size(ask: Ask, *, unused: int, free: int, calls_back: bool) -> int:
    """How much an ask is granted of what is free, beside what its holder has unused.

    While there is plenty, more than is wanted, so that few ask; towards the end no more than half of what is left, so
    that those who want some have some. Who calls back gets what is wanted: somebody would else be refused.
    """
    short = ask.want - unused
    if short <= 0 or free <= 0:
        return 0
    if calls_back:
        return min(free, short)
    return min(free, max(min(short, max(free // 2, ask.most)), free // SHARE))


def _grant(session: Session, holder: Holder, ask: Ask, before: Mapping[str, int] | None, split: int) -> Grant:
    connection = session.connection()
    place: dict[str, Any] = {"experiment_id": ask.experiment_id, "resource": ask.resource}
    if before is not None:
        since = used_before(session, ask[:2], (split, _LATEST_ID))
        used = {key: before[key] + since[key] for key in before}
        connection.execute(text(_OPEN), {**place, **used, "now": now()})
    _lock(connection, place)
    expired = connection.execute(text(_EXPIRED), {**place, "now": now(), "holder": holder.name})
    for (number,) in expired.all():
        _fold(connection, place, number)
    free = _free(session, ask)
    if free < 0:
        connection.execute(text(_REVOKE), place)
        free = _free(session, ask)
    unused = connection.execute(text(_UNUSED), {**place, "holder": holder.name}).scalar_one_or_none() or 0
    if holder.calls_back:
        free += _call_back(connection, place, holder.name, ask.want - unused - free)
    amount = block_size(ask, unused=unused, free=free, calls_back=holder.calls_back)
    times = {"granted_at": now(), "expires_at": now() + holder.length}
    granted = connection.execute(text(_GRANT), {**place, **times, "holder": holder.name, "amount": amount}).one()
    return Grant(ask.experiment_id, ask.resource, *granted)


def _call_back(connection: Connection, place: Mapping[str, Any], holder: str, wanted: int) -> int:
    """Take what others have not used, as far as it is wanted; how much that was.

    Safe at any time: a batch that was computed with it finds it gone when it is committed, and asks again. A lease that
    is being used at this very moment is passed over.
    """
    if wanted <= 0:
        return 0
    span = {"since": now() - PROTECTED, "until": now() + PROTECTED}
    lock = "" if is_sqlite(connection) else " FOR UPDATE SKIP LOCKED"
    found = 0
    for number, unused in connection.execute(text(_IDLE + lock), {**place, **span, "holder": holder}).all():
        amount = min(unused, wanted - found)
        if amount > 0:
            found += amount * connection.execute(text(_CALL_BACK), {"id": number, "amount": amount}).rowcount
    return found


def _is_open(session: Session, ask: Ask) -> bool:
    return taken_for_good(session, ask.experiment_id, ask.resource) is not None


def _free(session: Session, ask: Ask) -> int:
    place = {"experiment_id": ask.experiment_id, "resource": ask.resource}
    granted: int = session.connection().execute(text(_GRANTED), place).scalar_one()
    return ask.limit - (taken_for_good(session, ask.experiment_id, ask.resource) or 0) - int(granted)


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
