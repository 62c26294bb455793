"""Alerts as their readers see them."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import Fault, InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import Experiment
from experiments.model.tables.messages import Alert
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.views.paging import Wanted, page

Document = dict[str, Any]

STATUSES = {
    "open": col(Alert.resolved_at).is_(None) & col(Alert.acknowledged_at).is_(None),
    "acknowledged": col(Alert.resolved_at).is_(None) & col(Alert.acknowledged_at).is_not(None),
    "resolved": col(Alert.resolved_at).is_not(None),
}
_TIMES = ("raised_at", "acknowledged_at", "resolved_at")


def alert(engine: Engine, principal: Principal, number: int) -> Document:
    """One alert. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = session.get(Alert, number)
        if row is None:
            raise NotFoundError(f"there is no alert {number}")
        owner = None if row.experiment_id is None else session.get(Experiment, row.experiment_id)
    return _document(row, None if owner is None else owner.key)


def alerts(
    engine: Engine, principal: Principal, wanted: Wanted, key: str | None = None, status: str | None = None
) -> Document:
    """A page of alerts, newest first; of one experiment, of one status.

    Raises ForbiddenError, InvalidError, NotFoundError.
    """
    require(principal, "read")
    if status is not None and status not in STATUSES:
        raise InvalidError([Fault("", f"query parameter status: must be one of {', '.join(STATUSES)}")])
    query = select(Alert, Experiment.key).join(Experiment, col(Experiment.id) == Alert.experiment_id, isouter=True)
    query = query.order_by(col(Alert.id).desc()).limit(wanted.limit + 1)
    if status is not None:
        query = query.where(STATUSES[status])
    if wanted.after is not None:
        query = query.where(col(Alert.id) < wanted.after)
    with reading(engine) as session:
        if key is not None:
            query = query.where(Alert.experiment_id == find(session, key).id)
        rows = session.exec(query).all()
    found: Document = page(rows, wanted, lambda row: row[0].id, lambda row: _document(*row))
    return found


def _document(row: Alert, key: str | None) -> Document:
    times = {name: None if getattr(row, name) is None else to_rfc3339(getattr(row, name)) for name in _TIMES}
    return {
        "id": row.id,
        "experiment": key,
        "name": row.name,
        "severity": row.severity,
        "status": _status(row),
        "title": row.title,
        "detail": row.detail,
        "acknowledged_by": row.acknowledged_by,
        **times,
    }


def _status(row: Alert) -> str:
    if row.resolved_at is not None:
        return "resolved"
    return "open" if row.acknowledged_at is None else "acknowledged"
