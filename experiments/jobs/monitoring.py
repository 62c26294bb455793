"""Look after running experiments: guardrails and stop rules, whenever there is new evidence."""

from typing import NamedTuple

import structlog
from sqlmodel import col, select

from experiments.errors import LeaseLostError, UnavailableError
from experiments.jobs.context import WorkerContext
from experiments.model.designing.guardrails import Assessment
from experiments.model.tables.core import Experiment
from experiments.services.monitoring import WATCHED, act
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease
from experiments.store.joining.matured import last_sequence_of
from experiments.views.monitoring.guardrails import assess

_log = structlog.get_logger("winback.monitoring")


class Look(NamedTuple):
    """What an assessment depends on: the experiment's version and its last joined round."""

    version: int
    joined: int


def monitor(worker: WorkerContext) -> int:
    """How much was done: pauses, alerts, stops."""
    return worker.under_lease(lambda lease: sum(_guarded(worker, lease, number) for number in _watched(worker)))


def _watched(worker: WorkerContext) -> list[int]:
    """Experiments that ask to be watched."""
    with reading(worker.engine) as session:
        query = select(Experiment.id, Experiment.definition).where(col(Experiment.status).in_(WATCHED))
        found = session.exec(query).all()
    return [number for number, definition in found if number and (definition["guardrails"] or definition.get("stop"))]


def _guarded(worker: WorkerContext, lease: Lease, number: int) -> int:
    """One experiment; what is wrong with it must not keep the others unwatched."""
    try:
        look, found = _assessed(worker, number)
        done = 0 if found is None else act(worker.engine, lease, found)
    except (LeaseLostError, UnavailableError):
        raise
    except Exception:
        _log.exception("not monitored", experiment=number)
        return 0
    worker.looks[number] = look
    return done


def _assessed(worker: WorkerContext, number: int) -> tuple[Look, Assessment | None]:
    """The assessment; None where nothing that it depends on has changed since the last one."""
    with reading(worker.engine) as session:
        row = session.get_one(Experiment, number)
        look = Look(row.version, last_sequence_of(session.connection(), number))
        timed = (row.definition.get("stop") or {}).get("date") is not None
        if not timed and worker.looks.get(number) == look:
            return look, None
        return look, assess(session, row)
