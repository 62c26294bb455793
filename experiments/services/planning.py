"""Plans before launch: what takes no time is answered at once, simulations are taken up by a worker."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Engine, or_
from sqlmodel import col, select

from bandit.errors import PolicySpecError
from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.checks.shape import value_faults
from experiments.model.tables.monitoring import PlanRequest
from experiments.model.times import SECOND, now
from experiments.services.planning_audience import complete
from experiments.store.core.engine import reading, transaction
from offline_eval.planning import Asked, PlanError, read_plan

AT_ONCE = 3_000
"""Simulated decisions that a request may wait for."""

MOST_ROUNDS = 5_000_000
LIMIT_SECONDS = 300
MOST_FAULTS = 100
Json = dict[str, Any]


class PlanClaim(NamedTuple):
    """A plan that this process works on."""

    id: int
    document: Json


def completed_plan(engine: Engine, principal: Principal, document: Any) -> Json:
    """The document with everything that its `experiment` supplies.

    Raises ForbiddenError, NotFoundError, InvalidError.
    """
    require(principal, "analyse")
    if not isinstance(document, dict):
        raise InvalidError([Fault("", "must be an object: a plan's document")])
    with reading(engine) as session:
        return complete(session, document)


def request_plan(engine: Engine, principal: Principal, document: Any) -> int:
    """Make a plan, or queue it where it must be simulated; its number. Raises as `completed_plan` does."""
    full = completed_plan(engine, principal, document)
    asked = _read(full)
    if asked.rounds > MOST_ROUNDS:
        sentence = f"{asked.rounds:,} simulated decisions are too many (at most {MOST_ROUNDS:,}): fewer replications"
        raise InvalidError([Fault("/bandit/replications", sentence)])
    result = _made(asked) if asked.rounds <= AT_ONCE else None
    moment = now()
    row = PlanRequest(
        status="queued" if result is None else "done",
        request=document,
        document=full,
        result=result,
        created_at=moment,
        created_by=principal.name,
        finished_at=None if result is None else moment,
    )
    with transaction(engine) as session:
        session.add(row)
        session.flush()
        return int(row.id or 0)


def claim_plan(engine: Engine) -> PlanClaim | None:
    """Take up the oldest plan that waits, or whose process died; None where there is none."""
    silent = (col(PlanRequest.status) == "running") & (col(PlanRequest.started_at) < now() - 2 * LIMIT_SECONDS * SECOND)
    waiting = or_(col(PlanRequest.status) == "queued", silent)
    query = select(PlanRequest).where(waiting).order_by(col(PlanRequest.id)).limit(1)
    with reading(engine) as session:
        if session.exec(query).first() is None:
            return None
    with transaction(engine) as session:
        row = session.exec(query.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        row.status, row.started_at = "running", now()
        session.add(row)
        return PlanClaim(int(row.id or 0), row.document)


def finish_plan(engine: Engine, number: int, result: Mapping[str, Any] | None, error: str | None = None) -> None:
    """Keep what came of it."""
    with transaction(engine) as session:
        row = session.get_one(PlanRequest, number)
        row.status, row.error = ("done" if error is None else "failed"), error
        row.result, row.finished_at = None if result is None else dict(result), now()
        session.add(row)


def _read(document: Json) -> Asked:
    if faults := value_faults(document, sizes=True):
        raise InvalidError(faults)
    try:
        return read_plan(document)
    except PlanError as error:
        raise InvalidError(_faults(error)) from error
    except PolicySpecError as error:
        raise InvalidError([Fault("/bandit/policies", sentence[:500]) for sentence in error.faults.values()]) from error


def _made(asked: Asked) -> Json:
    try:
        return asked.made()
    except PlanError as error:
        raise InvalidError(_faults(error)) from error


def _faults(error: PlanError) -> list[Fault]:
    """A refusal does not echo what it refuses."""
    listed = islice(error.faults.items(), MOST_FAULTS)
    return [Fault("" if pointer == "/" else pointer[:200], sentence[:500]) for pointer, sentence in listed]
