"""Adjust arms by hand: enable, disable, override cost or weight; each with a reason, each to be undone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from bandit.rounds import NOTHING
from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.model.designing.states import LIVE
from experiments.model.tables.core import Adjustment, Experiment
from experiments.model.times import now
from experiments.store import audit
from experiments.store.breakers import rearm
from experiments.store.core.engine import transaction
from experiments.store.designing.experiments import find

KINDS = ("enabled", "cost", "weight")


@dataclass(frozen=True, slots=True)
class AdjustmentRequest:
    """What shall hold for an arm from now on: kind → value (None ends the adjustment of that kind).

    `enabled` is 0 or 1, `cost` the reward cost in the experiment's currency, `weight` the arm's probability.
    """

    values: Mapping[str, float | None]
    reason: str
    expires_at: int | None = None


def adjust_arm(engine: Engine, principal: Principal, key: str, arm: str, request: AdjustmentRequest) -> None:
    """Put adjustments in force; one of the same arm and kind that was in force ends.

    Raises ForbiddenError, NotFoundError for the experiment or the arm, InvalidError, ConflictError once it is over.
    """
    require(principal, "experiment")
    _check(arm, request)
    with transaction(engine) as session:
        row = find(session, key, for_change=True)
        if arm not in {each.key for each in Definition.model_validate(row.definition).arms_with_nothing}:
            raise NotFoundError(f"{key} has no arm {arm[:64]!r}")
        if row.status not in LIVE:
            raise ConflictError(f"{key} is {row.status}: its arms cannot be adjusted any more")
        in_force = _in_force(session, row)
        _refuse_too_much_weight(in_force, arm, request)
        for replaced in in_force:
            if replaced.arm == arm and replaced.kind in request.values:
                replaced.ended_at = now()
                session.add(replaced)
        session.add_all(_new(row, arm, request, principal))
        if request.values.get("enabled", 0.0) != 0.0:
            rearm(session, row, ("arm", arm), principal.name)
        row.version += 1
        session.add(row)
        detail = {"values": dict(request.values), "reason": request.reason, "expires_at": request.expires_at}
        audit.append(session, principal, "arm.adjust", f"{key}/{arm}", detail)


def _new(row: Experiment, arm: str, request: AdjustmentRequest, principal: Principal) -> list[Adjustment]:
    return [
        Adjustment(
            experiment_id=row.id or 0,
            arm=arm,
            kind=kind,
            value=float(value),
            reason=request.reason,
            created_at=now(),
            created_by=principal.name,
            expires_at=request.expires_at,
        )
        for kind, value in request.values.items()
        if value is not None
    ]


def _in_force(session: Session, row: Experiment) -> Sequence[Adjustment]:
    query = select(Adjustment).where(Adjustment.experiment_id == row.id, col(Adjustment.ended_at).is_(None))
    moment = now()
    return [each for each in session.exec(query).all() if each.expires_at is None or each.expires_at > moment]


def _check(arm: str, request: AdjustmentRequest) -> None:
    faults = [] if request.reason.strip() else [Fault("/reason", "say why")]
    if arm == NOTHING and request.values.get("enabled") == 0.0:
        faults.append(Fault("/enabled", "`nothing` is never left out: a holdout and every limit rest on it"))
    if arm == NOTHING and request.values.get("cost"):
        faults.append(Fault("/cost", "`nothing` costs nothing"))
    if not request.values:
        faults.append(Fault("", f"give at least one of {', '.join(KINDS)}"))
    if request.expires_at is not None and request.expires_at <= now():
        faults.append(Fault("/expires_at", "lies in the past"))
    cost, weight = request.values.get("cost"), request.values.get("weight")
    if cost is not None and not (cost >= 0.0 and math.isfinite(cost)):
        faults.append(Fault("/cost", "must be a finite number of at least 0"))
    if weight is not None and not 0.0 < weight < 1.0:
        faults.append(Fault("/weight", "must lie between 0 and 1; to stop an arm altogether, disable it"))
    if faults:
        raise InvalidError(faults)


def _refuse_too_much_weight(in_force: Sequence[Adjustment], arm: str, request: AdjustmentRequest) -> None:
    others = sum(each.value for each in in_force if each.kind == "weight" and each.arm != arm)
    weight = request.values.get("weight") or 0.0
    if weight and others + weight > 1.0:
        raise InvalidError([Fault("/weight", f"other arms hold {others:g} already; together they exceed 1")])
