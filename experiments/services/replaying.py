"""Replays of live experiments: asked for by people, taken up by a worker, carried on where a process died."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError
from experiments.model.principal import Principal, require
from experiments.model.tables import Experiment, Replay
from experiments.model.times import now
from experiments.store import audit, runs
from experiments.store.engine import reading, transaction
from experiments.store.experiments import find
from offline_eval.models import DEFAULT_OUTCOME_MODEL, OUTCOME_MODELS
from offline_eval.ope import ESTIMATORS


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
        runs.cancel(session, Replay, number)
        audit.append(session, principal, "replay.cancel", str(number), {})


def claim_replay(engine: Engine) -> Claim | None:
    """Take up the oldest replay that waits, or whose process died; None where there is none."""
    row = runs.claim(engine, Replay)
    if row is None:
        return None
    with reading(engine) as session:
        key = session.get_one(Experiment, row.experiment_id).key
    return Claim(int(row.id or 0), key, ReplayRequest(**row.request))


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
