"""Destinations and deliveries as their readers see them."""

import os
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import Experiment
from experiments.model.tables.deliveries import Delivery, DestinationEntry
from experiments.model.times import to_rfc3339
from experiments.store.batching.deliveries import find_delivery, find_destination, next_cursor
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.views.paging import Wanted, base36, page

Document = dict[str, Any]
_TIMES = ("next_attempt_at", "created_at", "finished_at")
_COUNTS = ("sent", "refused", "skipped", "withheld", "batches", "attempts")


def destination(engine: Engine, principal: Principal, key: str) -> Document:
    """One destination. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        return _destination(find_destination(session, key))


def destinations(engine: Engine, principal: Principal) -> Document:
    """Every destination, by key. Raises ForbiddenError."""
    require(principal, "read")
    query = select(DestinationEntry).where(col(DestinationEntry.deleted_at).is_(None)).order_by(DestinationEntry.key)
    with reading(engine) as session:
        return {"items": [_destination(row) for row in session.exec(query)]}


def delivery(engine: Engine, principal: Principal, number: int) -> Document:
    """One delivery. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find_delivery(session, number)
        return _delivery(row, session.get_one(Experiment, row.experiment_id).key, _keys(session, [row]))


def deliveries(engine: Engine, principal: Principal, key: str, wanted: Wanted) -> Document:
    """A page of an experiment's deliveries, newest first. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        query = select(Delivery).where(Delivery.experiment_id == experiment.id).order_by(col(Delivery.id).desc())
        if wanted.after is not None:
            query = query.where(col(Delivery.id) < wanted.after)
        rows = session.exec(query.limit(wanted.limit + 1)).all()
        keys = _keys(session, rows)
        shown: Document = page(rows, wanted, lambda row: row.id, lambda row: _delivery(row, key, keys))
        return shown


def _keys(session: Session, rows: Any) -> dict[int | None, str]:
    numbers = {row.destination_id for row in rows if row.destination_id is not None}
    query = select(DestinationEntry.id, DestinationEntry.key).where(col(DestinationEntry.id).in_(numbers))
    return dict(session.exec(query).all())


def _destination(row: DestinationEntry) -> Document:
    names = ("key", "kind", "url", "signing_env", "credential_env", "batch_size", "options", "created_by")
    variables = [name for name in (row.signing_env, row.credential_env) if name is not None]
    present = all(os.environ.get(name, "").strip() for name in variables)
    document = {name: getattr(row, name) for name in names}
    return {**document, "secrets_present": present, "created_at": to_rfc3339(row.created_at)}


def _delivery(row: Delivery, key: str, keys: dict[int | None, str]) -> Document:
    times = {name: None if getattr(row, name) is None else to_rfc3339(getattr(row, name)) for name in _TIMES}
    return {
        "id": row.id,
        "experiment": key,
        "destination": keys.get(row.destination_id),
        "format": row.format,
        "status": row.status,
        "request": row.request,
        **{name: getattr(row, name) for name in _COUNTS},
        "error": row.error,
        "refusals": row.refusals,
        "next_cursor": base36(next_cursor(row)),
        "file": f"/v1/deliveries/{row.id}/file" if row.status == "ready" else None,
        "created_by": row.created_by,
        **times,
    }
