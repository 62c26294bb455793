"""Messages that could not be taken, as their readers see them."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.access.principal import Principal, require
from experiments.model.tables.streams import DeadLetter
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.views.paging import Wanted, page

SHOWN = 2000
"""Characters of a body that lists show."""


def dead_letters(engine: Engine, principal: Principal, wanted: Wanted, *, replayed: bool = False) -> dict[str, Any]:
    """A page of them, newest first; those that were replayed only where asked for. Raises ForbiddenError."""
    require(principal, "read")
    query = select(DeadLetter)
    if not replayed:
        query = query.where(col(DeadLetter.replayed_at).is_(None))
    if wanted.after is not None:
        query = query.where(col(DeadLetter.id) < wanted.after)
    with reading(engine) as session:
        rows = session.exec(query.order_by(col(DeadLetter.id).desc()).limit(wanted.limit + 1)).all()
    return dict(page(rows, wanted, lambda row: row.id, _document))


def _document(row: DeadLetter) -> dict[str, Any]:
    return {
        "id": row.id,
        "stream": row.stream,
        "reason": row.reason,
        "body": row.body.decode(errors="replace")[:SHOWN],
        "died_at": to_rfc3339(row.died_at),
        "replayed_at": None if row.replayed_at is None else to_rfc3339(row.replayed_at),
    }
