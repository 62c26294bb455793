"""Keep profiles of units."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError, TooLargeError
from experiments.model.access.principal import Principal, require
from experiments.model.times import now
from experiments.model.units import profile_faults, unit_id_faults
from experiments.store.core.engine import transaction
from experiments.store.units.erasures import lift, refused_units
from experiments.store.units.profiles import put_profiles

MOST_AT_ONCE = 1000
"""Profiles of one transaction."""


def store_profile(engine: Engine, principal: Principal, unit_id: str, profile: Mapping[str, Any]) -> None:
    """Replace what is stored of a unit; joined with the caller's context from the next decision on.

    Where a person of this id was erased, this is a new one from now on: what happened before stays the erased one's.
    Raises ForbiddenError without the scope `outcomes`, InvalidError.
    """
    require(principal, "outcomes")
    if faults := faults_of_profile(unit_id, profile):
        raise InvalidError(faults)
    with transaction(engine) as session:
        at = now()
        lift(session.connection(), unit_id, at)
        put_profiles(session, {unit_id: profile}, at)


def store_profiles(
    engine: Engine, principal: Principal, profiles: Mapping[str, Mapping[str, Any]], *, merge: bool = False
) -> set[str]:
    """The same for many units, in one transaction: all or none, without erased persons, whose units are given back.

    Lists, imports and streams are not told who was erased: they must bring nobody back.
    `merge` keeps what a profile holds beyond the names that are given, and takes out those that are null.
    Raises as `store_profile` does.
    """
    require(principal, "outcomes")
    faults = [fault for unit_id, profile in profiles.items() for fault in faults_of_profile(unit_id, profile)]
    if faults:
        raise InvalidError(faults)
    with transaction(engine) as session:
        erased = refused_units(session.connection(), profiles)
        kept = {unit: profile for unit, profile in profiles.items() if unit not in erased}
        if kept:
            put_profiles(session, kept, now(), merge=merge)
    return erased


def store_listed(
    engine: Engine, principal: Principal, profiles: Sequence[tuple[str, Mapping[str, Any]]], *, merge: bool = False
) -> tuple[int, int]:
    """Store a list of profiles, all or none; how many units, and how many were erased and are not stored. The last one
    of a unit counts.

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
    erased = store_profiles(engine, principal, units, merge=merge)
    return len(units) - len(erased), len(erased)


def store_good_profiles(
    engine: Engine, principal: Principal, profiles: Sequence[tuple[str, Mapping[str, Any]]], *, merge: bool = False
) -> tuple[list[list[Fault]], set[str]]:
    """Store up to MOST_AT_ONCE profiles together; the faults of each, in order, and what has some is not stored; the
    units of erased persons, which are not stored either.

    The last one of a unit counts. Raises ForbiddenError without the scope `outcomes`, TooLargeError.
    """
    require(principal, "outcomes")
    if len(profiles) > MOST_AT_ONCE:
        raise TooLargeError(f"{len(profiles):,} profiles; at most {MOST_AT_ONCE:,} at once")
    found = [faults_of_profile(unit_id, profile) for unit_id, profile in profiles]
    good = {unit_id: profile for (unit_id, profile), faults in zip(profiles, found, strict=True) if not faults}
    return found, store_profiles(engine, principal, good, merge=merge) if good else set()


def faults_of_profile(unit_id: str, profile: Mapping[str, Any]) -> list[Fault]:
    """Why these cannot be a unit and its profile."""
    return [*unit_id_faults(unit_id), *profile_faults(profile, "/profile")]
