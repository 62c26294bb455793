"""Batches as their readers see them."""

from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.errors import ConflictError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.batches import DecisionBatch
from experiments.model.times import to_rfc3339
from experiments.store.batching.batch_masks import masking_of
from experiments.store.batching.batch_results import Masking, result_path
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.views.paging import Wanted, page

Document = dict[str, Any]
_TIMES = ("asked_at", "created_at", "started_at", "finished_at")


def batch(engine: Engine, principal: Principal, key: str, number: int) -> Document:
    """One batch: how far it is, and what came of it. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        experiment, row = find(session, key), session.get(DecisionBatch, number)
    if row is None or row.experiment_id != experiment.id:
        raise NotFoundError(f"{key} has no batch {number}")
    return _document(row, key)


def batches(engine: Engine, principal: Principal, key: str, wanted: Wanted) -> Document:
    """A page of an experiment's batches, newest first. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        query = select(DecisionBatch).where(DecisionBatch.experiment_id == experiment.id)
        if wanted.after is not None:
            query = query.where(col(DecisionBatch.id) < wanted.after)
        rows = session.exec(query.order_by(col(DecisionBatch.id).desc()).limit(wanted.limit + 1)).all()
        found: Document = page(rows, wanted, lambda row: row.id, lambda row: _document(row, key))
        return found


class BatchResult(NamedTuple):
    """The file of a result, and what of it is shown at the moment at which a part is read."""

    path: Path
    masking: Masking


def batch_result(engine: Engine, principal: Principal, key: str, number: int, folder: Path) -> BatchResult:
    """A batch's result below the data directory. Raises as `batch` does, ConflictError until every row has its answer.

    One that failed because nobody was decided has a result, too: it says of each why not.
    """
    found = batch(engine, principal, key, number)
    with reading(engine) as session:
        row = session.get_one(DecisionBatch, number)
        if not (row.status == "done" or (row.status == "failed" and row.is_whole)):
            raise ConflictError(f"batch {number} is {found['status']}: its result is there when it is done")
    return BatchResult(result_path(folder, number), masking_of(engine, number))


def _document(row: DecisionBatch, key: str) -> Document:
    times = {name: None if getattr(row, name) is None else to_rfc3339(getattr(row, name)) for name in _TIMES}
    asked = {name: row.request.get(name) for name in ("segment", "values") if row.request.get(name)}
    if row.request.get("assignments") is not None:
        asked = {"assignments": row.request["assignments"]}
    elif path := row.request.get("path"):
        asked = {"file": Path(path).name}
    return {
        "id": row.id,
        "experiment": key,
        "status": row.status,
        "request": asked,
        "total": row.total,
        "done": row.done,
        "progress": 1.0 if row.status == "done" else row.done / row.total if row.total else 0.0,
        "counts": row.counts,
        "arms": row.report.get("arms", {}),
        "excluded": {
            reason: {"decisions": count, "since": to_rfc3339(row.report["since"][reason])}
            for reason, count in row.report.get("excluded", {}).items()
        },
        "warnings": row.request.get("warnings", []),
        "error": row.error,
        "created_by": row.created_by,
        **times,
    }
