"""Replays of live experiments: asked for by people, taken up by a worker, carried on where a process died."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy import Engine, or_
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError
from experiments.model.principal import Principal, require
from experiments.model.tables import Experiment, Replay
from experiments.model.times import SECOND, now
from experiments.store import audit
from experiments.store.engine import transaction
from experiments.store.experiments import find
from offline_eval.models import DEFAULT_OUTCOME_MODEL, OUTCOME_MODELS
from offline_eval.ope import ESTIMATORS

SILENCE = 30 * SECOND
"""A running replay that has not been heard of for this long lost its process."""

OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What to judge: candidate policies by name, estimators, variants whose rounds to use, decided within [start, end).

    None leaves the choice to the replay.
    """

    policies: Sequence[str] | None = None
    estimators: Sequence[str] | None = None
    variants: Sequence[str] | None = None
    outcome_model: str = DEFAULT_OUTCOME_MODEL
    start: int | None = None
    end: int | None = None


class Claim(NamedTuple):
    """A replay that this process works on."""

    id: int
    experiment: str
    request: ReplayRequest


def request_replay(engine: Engine, principal: Principal, key: str, request: ReplayRequest) -> int:
    """Queue a replay; its number. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "analyse")
    _check(request)
    with transaction(engine) as session:
        experiment = find(session, key)
        row = Replay(
            experiment_id=experiment.id or 0,
            status="queued",
            request=asdict(request),
            created_at=now(),
            created_by=principal.name,
        )
        session.add(row)
        session.flush()
        audit.append(session, principal, "replay.request", f"{key}/{row.id}", row.request)
        return int(row.id or 0)


def cancel_replay(engine: Engine, principal: Principal, number: int) -> None:
    """End a replay that is not over. Raises ForbiddenError, NotFoundError, ConflictError."""
    require(principal, "analyse")
    with transaction(engine) as session:
        row = _row(session, number)
        if row.status in OVER:
            raise ConflictError(f"replay {number} is {row.status} already")
        row.status, row.finished_at = "cancelled", now()
        session.add(row)
        audit.append(session, principal, "replay.cancel", str(number), {})


def claim_replay(engine: Engine) -> Claim | None:
    """Take up the oldest replay that waits, or whose process died; None where there is none."""
    silent = (Replay.status == "running") & (col(Replay.heartbeat_at) < now() - SILENCE)
    waiting = select(Replay).where(or_(col(Replay.status) == "queued", silent)).order_by(col(Replay.id)).limit(1)
    with transaction(engine) as session:
        row = session.exec(waiting.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        row.status, row.stage, row.progress, row.heartbeat_at = "running", "starting", 0.0, now()
        session.add(row)
        key = session.get_one(Experiment, row.experiment_id).key
        return Claim(int(row.id or 0), key, ReplayRequest(**row.request))


def note_progress(engine: Engine, number: int, stage: str, share: float) -> bool:
    """Say how far it is; False where it was cancelled meanwhile."""
    with transaction(engine) as session:
        row = _row(session, number)
        if row.status != "running":
            return False
        row.stage, row.progress, row.heartbeat_at = stage, share, now()
        session.add(row)
        return True


def finish_replay(engine: Engine, number: int, result: dict[str, Any] | None, error: str | None = None) -> None:
    """Keep what came of it, unless it was cancelled."""
    with transaction(engine) as session:
        row = _row(session, number)
        if row.status != "running":
            return
        row.status, row.result, row.error = ("done" if error is None else "failed"), result, error
        row.stage, row.finished_at = row.status, now()
        row.progress = 1.0 if error is None else row.progress
        session.add(row)


def _row(session: Session, number: int) -> Replay:
    row = session.get(Replay, number)
    if row is None:
        raise NotFoundError(f"there is no replay {number}")
    return row


def _check(request: ReplayRequest) -> None:
    faults = [
        Fault(f"/estimators/{place}", f"{name!r} is no estimator; known: {', '.join(ESTIMATORS)}")
        for place, name in enumerate(request.estimators or ())
        if name not in ESTIMATORS
    ]
    if request.outcome_model not in OUTCOME_MODELS:
        faults.append(Fault("/outcome_model", f"must be one of {', '.join(OUTCOME_MODELS)}"))
    if faults:
        raise InvalidError(faults)
