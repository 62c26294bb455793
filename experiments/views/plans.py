"""Plans as their readers see them."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.monitoring import PlanRequest
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.views.paging import Wanted, page

Document = dict[str, Any]


def plan(engine: Engine, principal: Principal, number: int) -> Document:
    """One plan with its result, once there is one. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = session.get(PlanRequest, number)
    if row is None:
        raise NotFoundError(f"there is no plan {number}")
    return {**_head(row), "document": row.document, "result": row.result}


def plans(engine: Engine, principal: Principal, wanted: Wanted) -> Document:
    """A page of plans, newest first, without their results. Raises ForbiddenError."""
    require(principal, "read")
    query = select(PlanRequest).order_by(col(PlanRequest.id).desc()).limit(wanted.limit + 1)
    if wanted.after is not None:
        query = query.where(col(PlanRequest.id) < wanted.after)
    with reading(engine) as session:
        found: Document = page(session.exec(query).all(), wanted, lambda row: row.id, _head)
    return found


def _head(row: PlanRequest) -> Document:
    return {
        "id": row.id,
        "status": row.status,
        "request": row.request,
        "error": row.error,
        "created_by": row.created_by,
        "created_at": to_rfc3339(row.created_at),
        "finished_at": None if row.finished_at is None else to_rfc3339(row.finished_at),
    }
