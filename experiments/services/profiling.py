"""Keep profiles of units, and erase people."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.errors import Fault, InvalidError, NotFoundError, TooLargeError
from experiments.model.principal import Principal, require
from experiments.model.record import decode_record, encode_record
from experiments.model.tables import Decision, Outcome, Unit
from experiments.model.times import now
from experiments.model.units import profile_faults, unit_id_faults
from experiments.store import audit
from experiments.store.dead_letters import bury
from experiments.store.engine import transaction
from experiments.store.fallback_log import rename_unit
from experiments.store.limits_suppressed import erase_from_lists
from experiments.store.portfolio import rename_member
from experiments.store.profiles import erase_files, put_profiles
from experiments.store.segments import forget_unit

MOST_AT_ONCE = 1000
"""Profiles of one transaction."""


def store_profile(engine: Engine, principal: Principal, unit_id: str, profile: Mapping[str, Any]) -> None:
    """Replace what is stored of a unit; joined with the caller's context from the next decision on.

    Raises ForbiddenError without the scope `outcomes`, InvalidError.
    """
    store_profiles(engine, principal, {unit_id: profile})


def store_profiles(
    engine: Engine, principal: Principal, profiles: Mapping[str, Mapping[str, Any]], *, merge: bool = False
) -> None:
    """The same for many units, in one transaction: all or none. Raises as `store_profile` does.

    `merge` keeps what a profile holds beyond the names that are given, and takes out those that are null.
    """
    require(principal, "outcomes")
    faults = [fault for unit_id, profile in profiles.items() for fault in faults_of_profile(unit_id, profile)]
    if faults:
        raise InvalidError(faults)
    with transaction(engine) as session:
        put_profiles(session, profiles, now(), merge=merge)


def store_listed(
    engine: Engine, principal: Principal, profiles: Sequence[tuple[str, Mapping[str, Any]]], *, merge: bool = False
) -> int:
    """Store a list of profiles, all or none; how many units. The last one of a unit counts.

    Raises ForbiddenError, InvalidError with every fault and its place in the list.
    """
    require(principal, "outcomes")
    faults = [
        Fault(f"/units/{place}{fault.pointer or '/unit_id'}", fault.detail)
        for place, (unit_id, profile) in enumerate(profiles)
        for fault in faults_of_profile(unit_id, profile)
    ]
    if faults:
        raise InvalidError(faults)
    units = dict(profiles)
    store_profiles(engine, principal, units, merge=merge)
    return len(units)


def store_good_profiles(
    engine: Engine, principal: Principal, profiles: Sequence[tuple[str, Mapping[str, Any]]], *, merge: bool = False
) -> list[list[Fault]]:
    """Store up to MOST_AT_ONCE profiles together; the faults of each, in order, and what has some is not stored.

    The last one of a unit counts. Raises ForbiddenError without the scope `outcomes`, TooLargeError.
    """
    require(principal, "outcomes")
    if len(profiles) > MOST_AT_ONCE:
        raise TooLargeError(f"{len(profiles):,} profiles; at most {MOST_AT_ONCE:,} at once")
    found = [faults_of_profile(unit_id, profile) for unit_id, profile in profiles]
    good = {unit_id: profile for (unit_id, profile), faults in zip(profiles, found, strict=True) if not faults}
    if good:
        store_profiles(engine, principal, good, merge=merge)
    return found


def faults_of_profile(unit_id: str, profile: Mapping[str, Any]) -> list[Fault]:
    """Why these cannot be a unit and its profile."""
    return [*unit_id_faults(unit_id), *profile_faults(profile, "/profile")]


def erase_unit(engine: Engine, principal: Principal, unit_id: str) -> None:
    """Erase a person and keep the statistics.

    The profile goes, and the history of the unit: it is no longer read from now on, and gone once its files are written
    anew; so is its name in results of batches. Dead letters that name it are deleted. The id gives way to a random one
    wherever else it stands (the same everywhere, so that outcomes still belong to their decisions); contexts and
    properties of outcomes are emptied. Rollups and snapshots never held more than
    sums. Raises ForbiddenError without the scope `admin`, NotFoundError where nothing is known of the unit.
    """
    require(principal, "admin")
    if unit_id_faults(unit_id):
        raise NotFoundError("nothing is known of this unit")
    tombstone = f"erased-{secrets.token_hex(16)}"
    with transaction(engine) as session:
        profile = session.get(Unit, unit_id)
        if profile is not None:
            session.delete(profile)
        decisions = _erase_decisions(session, unit_id, tombstone)
        outcomes = _erase_outcomes(session, unit_id, tombstone)
        forget_unit(session, unit_id, tombstone)
        rename_unit(session.connection(), unit_id, tombstone)
        erase_from_lists(session, unit_id)
        rename_member(session.connection(), unit_id, tombstone)
        files = erase_files(session, unit_id, tombstone, now())
        letters = bury(session, unit_id)
        # Whether a file holds somebody is not known without reading all: where there are any, they may.
        if profile is None and not (decisions or outcomes or files or letters):
            raise NotFoundError("nothing is known of this unit")
        counts = {"decisions": decisions, "outcomes": outcomes, "dead_letters": letters}
        audit.append(session, principal, "unit.erase", tombstone, counts)


def _erase_decisions(session: Session, unit_id: str, tombstone: str) -> int:
    """Learners skip records that say `erased`: an empty context would teach what nobody did."""
    rows = session.exec(select(Decision).where(Decision.unit_id == unit_id)).all()
    for row in rows:
        record = msgspec.structs.replace(decode_record(row.record), context={}, erased=True)
        row.unit_id, row.idempotency_key, row.record = tombstone, None, encode_record(record).decode()
        session.add(row)
    session.flush()
    return len(rows)


def _erase_outcomes(session: Session, unit_id: str, tombstone: str) -> int:
    """Those of the unit, and those that name its decisions (already under the tombstone)."""
    of_decisions = select(Decision.id).where(Decision.unit_id == tombstone)
    theirs = (col(Outcome.unit_id) == unit_id) | col(Outcome.decision_id).in_(of_decisions)
    rows = session.exec(select(Outcome).where(theirs)).all()
    for row in rows:
        row.unit_id = None if row.unit_id is None else tombstone
        row.properties = None
        session.add(row)
    return len(rows)
