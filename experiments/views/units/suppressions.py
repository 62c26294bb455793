"""Who is contacted by no experiment, and why."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.limits import Suppression
from experiments.model.times import now, to_rfc3339
from experiments.model.units import unit_id_faults
from experiments.store.core.engine import reading
from experiments.views.paging import Wanted, page

Document = dict[str, Any]


def suppressions(engine: Engine, principal: Principal, wanted: Wanted) -> Document:
    """A page of the list, newest first. Raises ForbiddenError, InvalidError."""
    require(principal, "read")
    query = select(Suppression).order_by(col(Suppression.id).desc()).limit(wanted.limit + 1)
    if wanted.after is not None:
        query = query.where(col(Suppression.id) < wanted.after)
    with reading(engine) as session:
        found: Document = page(session.exec(query).all(), wanted, lambda row: row.id, _document)
    return found


def suppression(engine: Engine, principal: Principal, unit_id: str) -> Document:
    """One unit's entry. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    row = None
    if not unit_id_faults(unit_id):
        with reading(engine) as session:
            row = session.exec(select(Suppression).where(Suppression.unit_id == unit_id)).first()
    if row is None:
        raise NotFoundError("this unit is not suppressed")
    return _document(row)


def _document(row: Suppression) -> Document:
    return {
        "unit_id": row.unit_id,
        "reason": row.reason,
        "in_force": row.expires_at is None or row.expires_at > now(),
        "created_at": to_rfc3339(row.created_at),
        "created_by": row.created_by,
        "expires_at": None if row.expires_at is None else to_rfc3339(row.expires_at),
    }
