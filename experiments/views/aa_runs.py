"""A/A runs as their readers see them."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import Experiment
from experiments.model.tables.readouts import AaRun
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.runs import row_of
from experiments.views.paging import Wanted, page

Document = dict[str, Any]
_AS_STORED = ("id", "status", "stage", "progress", "request", "error", "created_by")
_TIMES = ("created_at", "finished_at")


def aa_run(engine: Engine, principal: Principal, number: int) -> Document:
    """One run with its result, once there is one. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = row_of(session, AaRun, number)
        return {**_head(row, session.get_one(Experiment, row.experiment_id).key), "result": row.result}


def aa_runs(engine: Engine, principal: Principal, key: str, wanted: Wanted) -> Document:
    """A page of an experiment's runs, newest first, without their results. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        query = select(AaRun).where(AaRun.experiment_id == experiment.id).order_by(col(AaRun.id).desc())
        if wanted.after is not None:
            query = query.where(col(AaRun.id) < wanted.after)
        rows = session.exec(query.limit(wanted.limit + 1)).all()
        listed: Document = page(rows, wanted, lambda row: row.id, lambda row: _head(row, key))
        return listed


def _head(row: AaRun, key: str) -> Document:
    moments = {name: getattr(row, name) for name in _TIMES}
    times = {name: None if moment is None else to_rfc3339(moment) for name, moment in moments.items()}
    return {"experiment": key, **{name: getattr(row, name) for name in _AS_STORED}, **times}
