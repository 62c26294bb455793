"""Replays as their readers see them."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import Experiment, Replay
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.views.paging import Wanted, page

Document = dict[str, Any]
_TIMES = ("created_at", "finished_at")


def replay(engine: Engine, principal: Principal, number: int) -> Document:
    """One replay with its result, once there is one. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = session.get(Replay, number)
        if row is None:
            raise NotFoundError(f"there is no replay {number}")
        return {**_head(row, session.get_one(Experiment, row.experiment_id).key), "result": row.result}


def replays(engine: Engine, principal: Principal, key: str, wanted: Wanted) -> Document:
    """A page of an experiment's replays, newest first, without their results. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        query = select(Replay).where(Replay.experiment_id == experiment.id).order_by(col(Replay.id).desc())
        if wanted.after is not None:
            query = query.where(col(Replay.id) < wanted.after)
        rows = session.exec(query.limit(wanted.limit + 1)).all()
        return page(rows, wanted, lambda row: row.id, lambda row: _head(row, key))


def _head(row: Replay, key: str) -> Document:
    times = {name: None if getattr(row, name) is None else to_rfc3339(getattr(row, name)) for name in _TIMES}
    asked = {**row.request, **{name: _moment(row.request.get(name)) for name in ("start", "end")}}
    return {
        "id": row.id,
        "experiment": key,
        "status": row.status,
        "stage": row.stage,
        "progress": row.progress,
        "request": asked,
        "error": row.error,
        "created_by": row.created_by,
        **times,
    }


def _moment(micros: int | None) -> str | None:
    return None if micros is None else to_rfc3339(micros)
