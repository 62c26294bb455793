"""Suppression lists: who is contacted by no experiment."""

from collections.abc import Sequence

from sqlalchemy import Engine

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.times import now
from experiments.model.units import unit_id_faults
from experiments.store import audit
from experiments.store.core.engine import transaction
from experiments.store.limits.suppressed import release, suppress
from experiments.store.units.erasures import refused_units


def suppress_units(
    engine: Engine, principal: Principal, units: Sequence[str], reason: str, expires_at: int | None = None
) -> tuple[int, int]:
    """Put units on the list; who is on it gets the new reason and end. How many are on it now, and how many were not
    put there because they are erased persons', whom nobody contacts as it is.

    The reason may name people: the log of changes,
    which is kept for ever, does not repeat it.
    Raises ForbiddenError without the scope `outcomes`, InvalidError.
    """
    require(principal, "outcomes")
    faults = [Fault(f"/units/{n}", each.detail) for n, unit in enumerate(units) for each in unit_id_faults(unit)]
    if expires_at is not None and expires_at <= now():
        faults.append(Fault("/expires_at", "lies in the past"))
    if faults:
        raise InvalidError(faults)
    with transaction(engine) as session:
        erased = refused_units(session.connection(), units)
        kept = {unit for unit in units if unit not in erased}
        suppress(session.connection(), kept, (reason, principal.name), expires_at)
        if kept:
            audit.append(session, principal, "units.suppress", f"{len(kept)} units", {})
    return len(kept), len(erased)


def suppress_unit(
    engine: Engine, principal: Principal, unit_id: str, reason: str, expires_at: int | None = None
) -> None:
    """Put one unit on the list. Raises as `suppress_units` does, and ConflictError where it is an erased person's:
    nothing can be kept of it, so that whoever gets the id next would be contacted after all."""
    listed, _ = suppress_units(engine, principal, [unit_id], reason, expires_at)
    if not listed:
        raise ConflictError(
            "this person was erased: nothing is kept of them, and nobody contacts them. A profile under the id "
            "(PUT /v1/units/{unit_id}) begins a new person, who can be put on the list"
        )


def release_unit(engine: Engine, principal: Principal, unit_id: str) -> None:
    """Take a unit off the list. Raises ForbiddenError without the scope `outcomes`, NotFoundError."""
    require(principal, "outcomes")
    if unit_id_faults(unit_id):
        raise NotFoundError("this unit is not suppressed")
    with transaction(engine) as session:
        if not release(session.connection(), unit_id):
            raise NotFoundError("this unit is not suppressed")
        # The log of changes is kept for ever, also when the person is erased: it names nobody.
        audit.append(session, principal, "units.release", "1 units", {})
