"""Keep profiles of units, and erase people."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from experiments.errors import InvalidError, NotFoundError
from experiments.model.principal import Principal, require
from experiments.model.record import decode_record, encode_record
from experiments.model.tables import Decision, Outcome, Unit
from experiments.model.times import now
from experiments.model.units import profile_faults, unit_id_faults
from experiments.store import audit
from experiments.store.engine import transaction

_STORE_PROFILE = text(
    "INSERT INTO units (unit_id, profile, updated_at) VALUES (:unit_id, :profile, :updated_at) "
    "ON CONFLICT (unit_id) DO UPDATE SET profile = excluded.profile, updated_at = excluded.updated_at"
)


def store_profile(engine: Engine, principal: Principal, unit_id: str, profile: Mapping[str, Any]) -> None:
    """Replace what is stored of a unit; joined with the caller's context from the next decision on.

    Raises ForbiddenError without the scope `outcomes`, InvalidError.
    """
    require(principal, "outcomes")
    faults = [*unit_id_faults(unit_id), *profile_faults(profile, "/profile")]
    if faults:
        raise InvalidError(faults)
    written = json.dumps(dict(profile), separators=(",", ":"), ensure_ascii=False)
    with transaction(engine) as session:
        row = {"unit_id": unit_id, "profile": written, "updated_at": now()}
        session.connection().execute(_STORE_PROFILE, row)


def erase_unit(engine: Engine, principal: Principal, unit_id: str) -> None:
    """Erase a person and keep the statistics.

    The profile goes; the id gives way to a random one wherever it stands (the same everywhere, so that outcomes still
    belong to their decisions); contexts and properties of outcomes are emptied. Rollups and snapshots never held more
    than sums. Raises ForbiddenError without the scope `admin`, NotFoundError where nothing is known of the unit.
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
        if profile is None and not decisions and not outcomes:
            raise NotFoundError("nothing is known of this unit")
        audit.append(session, principal, "unit.erase", tombstone, {"decisions": decisions, "outcomes": outcomes})


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
