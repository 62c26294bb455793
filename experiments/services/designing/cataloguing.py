"""Keep the arm catalogue in step with the event-management system that owns it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.catalogue import ACTIVE, WITHDRAWN, CatalogueEntry, entry_faults
from experiments.model.tables.streams import CatalogueArm
from experiments.model.times import now, to_micros
from experiments.store import audit
from experiments.store.core.engine import transaction
from experiments.store.designing.catalogue import catalogued, experiments_with, renew


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of entries: how many were applied, keys of those that were older than what is known, and the live
    experiments in which arms are eligible no longer, or again."""

    applied: int
    stale: Sequence[str]
    experiments: Sequence[str]


def put_arms(engine: Engine, principal: Principal, entries: Sequence[CatalogueEntry]) -> Kept:
    """Create arms or replace them; of the same key the last entry counts. All or none.

    An arm that is withdrawn is out of every experiment's eligible arms from the next decision on (law 3), one that is
    active again is back. Raises ForbiddenError without the scope `experiment`, InvalidError with every fault.
    """
    require(principal, "experiment")
    faults = [fault for place, entry in enumerate(entries) for fault in entry_faults(entry, f"/arms/{place}")]
    if faults:
        raise InvalidError(faults)
    with transaction(engine) as session:
        return _apply(session, principal, entries)


def withdraw_arm(engine: Engine, principal: Principal, key: str) -> Kept:
    """Withdraw an arm; nothing is forgotten of it. Raises ForbiddenError, NotFoundError."""
    require(principal, "experiment")
    with transaction(engine) as session:
        row = catalogued(session, [key]).get(key) if "\0" not in key else None
        if row is None:
            raise NotFoundError(f"the catalogue has no arm {key[:64]!r}")
        entry = CatalogueEntry.model_validate({**row.document, "key": key, "status": WITHDRAWN})
        return _apply(session, principal, [entry])


def _apply(session: Session, principal: Principal, entries: Sequence[CatalogueEntry]) -> Kept:
    at, stale = now(), []
    rows = catalogued(session, {entry.key for entry in entries})
    before = {key: row.status for key, row in rows.items()}
    for entry in entries:
        changed_at = at if entry.changed_at is None else to_micros(entry.changed_at)
        row = rows.get(entry.key)
        if row is not None and changed_at < row.changed_at:
            stale.append(entry.key)
            continue
        rows[entry.key] = _write(row, entry, changed_at, at)
    session.add_all(rows.values())
    session.flush()
    switched = {key for key, row in rows.items() if row.status != before.get(key, ACTIVE)}
    concerned = experiments_with(session, switched) if switched else []
    if concerned:
        renew(session, concerned)
    kept = Kept(len(entries) - len(stale), stale, [each.key for each in concerned])
    detail = {"statuses": {key: row.status for key, row in rows.items()}, "experiments": list(kept.experiments)}
    audit.append(session, principal, "catalogue.put", ",".join(sorted(rows))[:200], detail)
    return kept


def _write(row: CatalogueArm | None, entry: CatalogueEntry, changed_at: int, at: int) -> CatalogueArm:
    document = entry.model_dump(mode="json", exclude={"key", "status", "changed_at"})
    if row is None:
        return CatalogueArm(key=entry.key, status=entry.status, document=document, changed_at=changed_at, updated_at=at)
    row.status, row.document, row.changed_at, row.updated_at = entry.status, document, changed_at, at
    return row
