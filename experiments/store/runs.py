"""Long work that people ask for: queued, claimed by a worker's process, heard of, over. One life for every kind."""

from typing import Any, TypeVar

from sqlalchemy import Engine, or_
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, NotFoundError
from experiments.model.tables.core import Replay
from experiments.model.tables.readouts import AaRun
from experiments.model.times import SECOND, now
from experiments.store.core.engine import reading, transaction

SILENCE = 30 * SECOND
"""A running one that has not been heard of for this long lost its process."""

OVER = ("done", "failed", "cancelled")

Run = TypeVar("Run", Replay, AaRun)


NAMES: dict[str, str] = {"replays": "replay", "aa_runs": "A/A run"}
"""Table → what people call a row of it."""


def row_of(session: Session, kind: type[Run], number: int) -> Run:
    """The row. Raises NotFoundError."""
    row = session.get(kind, number)
    if row is None:
        raise NotFoundError(f"there is no {name_of(kind)} {number}")
    return row


def cancel(session: Session, kind: type[Run], number: int) -> None:
    """End one that is not over. Raises NotFoundError, ConflictError."""
    row = row_of(session, kind, number)
    if row.status in OVER:
        raise ConflictError(f"{name_of(kind)} {number} is {row.status} already")
    row.status, row.finished_at = "cancelled", now()
    session.add(row)


def claim(engine: Engine, kind: type[Run]) -> Run | None:
    """Take up the oldest that waits, or whose process died; None where there is none."""
    silent = (col(kind.status) == "running") & (col(kind.heartbeat_at) < now() - SILENCE)
    waiting = select(kind).where(or_(col(kind.status) == "queued", silent)).order_by(col(kind.id)).limit(1)
    with reading(engine) as session:
        if session.exec(waiting).first() is None:
            return None
    with transaction(engine) as session:
        row = session.exec(waiting.with_for_update(skip_locked=True)).first()
        if row is not None:
            row.status, row.stage, row.progress, row.heartbeat_at = "running", "starting", 0.0, now()
            session.add(row)
        return row


def note_progress(engine: Engine, kind: type[Run], number: int, stage: str, share: float) -> bool:
    """Say how far it is; False where it was cancelled meanwhile."""
    with transaction(engine) as session:
        row = row_of(session, kind, number)
        if row.status != "running":
            return False
        row.stage, row.progress, row.heartbeat_at = stage, share, now()
        session.add(row)
        return True


def finish(
    engine: Engine, kind: type[Run], number: int, result: dict[str, Any] | None, error: str | None = None
) -> None:
    """Keep what came of it, unless it was cancelled."""
    with transaction(engine) as session:
        row = row_of(session, kind, number)
        if row.status != "running":
            return
        row.status, row.result, row.error = ("done" if error is None else "failed"), result, error
        row.stage, row.finished_at = row.status, now()
        row.progress = 1.0 if error is None else row.progress
        session.add(row)


def name_of(kind: type[Run]) -> str:
    """What people call one of them."""
    return NAMES[str(kind.__tablename__)]
