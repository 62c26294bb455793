"""Start, pause, resume, stop and archive experiments."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import ConflictError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.capping import CapProposal, needs_cap
from experiments.model.designing.definition import Definition
from experiments.model.designing.states import TRANSITIONS
from experiments.model.tables.core import Experiment
from experiments.model.times import now, to_micros
from experiments.services.designing.definitions import refuse_other_version
from experiments.store import audit
from experiments.store.core.engine import transaction
from experiments.store.designing.experiments import find, open_revision


def move_experiment(
    engine: Engine,
    principal: Principal,
    key: str,
    verb: str,
    expected_version: int | None = None,
    cap: CapProposal | None = None,
) -> None:
    """Take an experiment through one of TRANSITIONS; `cap` is taken at the start where one is needed and none stated.

    Raises ForbiddenError, NotFoundError, PreconditionFailedError, ConflictError where its status forbids it.
    """
    require(principal, "experiment")
    with transaction(engine) as session:
        row = find(session, key, for_change=True)
        refuse_other_version(row, expected_version)
        detail = move(session, row, verb, cap)
        audit.append(session, principal, f"experiment.{verb}", key, detail)


def move(session: Session, row: Experiment, verb: str, cap: CapProposal | None = None) -> dict[str, Any]:
    """The move itself; from where to where. Raises ConflictError where the status forbids it."""
    transition = TRANSITIONS[verb]
    if row.status not in transition.sources:
        allowed = ", ".join(name for name, other in TRANSITIONS.items() if row.status in other.sources)
        raise ConflictError(f"{row.key} is {row.status}: it cannot {verb}; it can {allowed or 'do nothing any more'}")
    moment = now()
    if verb == "start":
        _refuse_over(row, moment)
    detail: dict[str, Any] = {"from": row.status, "to": transition.target}
    if row.status == "draft":
        row.started_at = moment if verb == "start" else None
        taken = cap if verb == "start" and needs_cap(Definition.model_validate(row.definition)) else None
        if taken is not None:
            row.definition = {**row.definition, "cap_revenue": taken.value}
            detail["cap_revenue"] = taken._asdict()
        open_revision(session, row, moment, None if taken is None else taken.origin)
    if transition.target == "stopped":
        row.stopped_at = moment
    row.status, row.version = transition.target, row.version + 1
    session.add(row)
    return detail


def _refuse_over(row: Experiment, moment: int) -> None:
    definition = Definition.model_validate(row.definition)
    if definition.clock == "caller":
        return
    budget = definition.budget
    ends = {"ends_at": definition.ends_at, "budget.ends_at": None if budget is None else budget.ends_at}
    for name, end in ends.items():
        if end is not None and to_micros(end) <= moment:
            raise ConflictError(f"{row.key}: {name} has passed ({end.isoformat()}); move it first")
