"""Flag evaluations: an experiment is a flag, a unit its targeting key, what was drawn its value."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.errors import Fault, InvalidError, WinbackError
from experiments.model.access.principal import Principal, require
from experiments.model.times import now
from experiments.model.units import MAX_FEATURES, MAX_NAME, unit_id_faults
from experiments.services.deciding.messages import Assignment, Decision
from experiments.services.deciding.places import Ask, Place, place_of
from experiments.services.deciding.plan import Plan
from experiments.services.deciding.replies import reply_of, withhold
from experiments.services.hot_path import HotPath
from experiments.store.deciding.decision_log import Known, Wanted

IDLE = ("draft", "archived")
_RESERVED = ("targetingKey", "idempotency_key")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a flag is evaluated for. What of the context is no feature (lists, objects, texts too long) is left out."""

    unit_id: str
    context: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None

    def asking(self) -> Assignment:
        """The request for an arm."""
        return Assignment(self.unit_id, dict(self.context), self.idempotency_key)


def subject_of(context: Mapping[str, Any]) -> Subject:
    """The subject that an evaluation context names. Raises InvalidError with the pointer `/targetingKey` or others."""
    if len(context) > MAX_FEATURES:
        raise InvalidError([Fault("/context", f"has {len(context):,} members; at most {MAX_FEATURES:,} are read")])
    unit_id = context.get("targetingKey")
    if unit_id is None or unit_id == "":
        raise InvalidError([Fault("/targetingKey", "required: the unit")])
    if not isinstance(unit_id, str) or unit_id_faults(unit_id):
        raise InvalidError([Fault("/context/targetingKey", "a unit's id is a text of 1 to 512 characters")])
    key = context.get("idempotency_key")
    if key is not None and not (isinstance(key, str) and 1 <= len(key) <= 512):
        raise InvalidError([Fault("/context/idempotency_key", "must be a text of 1 to 512 characters")])
    features = {name: value for name, value in context.items() if name not in _RESERVED and _is_feature(name, value)}
    return Subject(unit_id, features, key)


async def evaluate(hot: HotPath, principal: Principal, key: str, subject: Subject) -> Decision:
    """The decision for one experiment, drawn where there is none. Raises what the request is refused with."""
    return await hot.decider.decide(principal, key, subject.asking())


async def evaluate_all(hot: HotPath, principal: Principal, subject: Subject) -> dict[str, Decision | WinbackError]:
    """By experiment: the unit's open decisions, and new ones where the experiment says `ofrep_bulk`.

    An SDK asks for everything at its start: drawing for every experiment would enrol people who never see any of it.
    Raises ForbiddenError, UnavailableError.
    """
    require(principal, "assign")
    plans = {plan.id: plan for plan in hot.runtime.plans() if plan.status not in IDLE}
    known = await hot.log.look_up({number: Wanted(units={subject.unit_id}) for number in plans})
    found: dict[str, Decision | WinbackError] = {}
    for plan in plans.values():
        decision = await _stored(hot, plan, known, subject)
        if decision is not None:
            found[plan.key] = decision
    drawn = [plan.key for plan in plans.values() if plan.definition.ofrep_bulk and plan.key not in found]
    answers = await asyncio.gather(*[_drawn(hot, principal, key, subject) for key in drawn])
    return dict(sorted({**found, **dict(zip(drawn, answers, strict=True))}.items()))


async def _stored(hot: HotPath, plan: Plan, known: Known, subject: Subject) -> Decision | None:
    """The unit's open decision; none where each request is a decision of its own."""
    latest, head = known.latest.get((plan.id, subject.unit_id)), known.heads.get(plan.id)
    if latest is None or head is None or plan.decision_window == 0:
        return None
    at = (head.clock_now or 0) if plan.caller_clock else now()
    place = place_of(Ask(plan.decision_window, at), latest, None)
    if isinstance(place, Place):
        return None
    if hot.runtime.arms_by_key(plan.id, place.row.revision) is None:
        await hot.runtime.load_arms_by_key([(plan.id, place.row.revision)])
    arms_by_key = hot.runtime.arms_by_key(plan.id, place.row.revision)
    if arms_by_key is None:
        return None
    reply = reply_of(plan.key, arms_by_key, place.row, None, "repeat")
    return withhold(reply) if subject.unit_id in known.limits.suppressed else reply


async def _drawn(hot: HotPath, principal: Principal, key: str, subject: Subject) -> Decision | WinbackError:
    try:
        return await evaluate(hot, principal, key, subject)
    except WinbackError as error:
        return error


def _is_feature(name: str, value: object) -> bool:
    if not 1 <= len(name) <= MAX_NAME:
        return False
    if isinstance(value, str):
        return len(value) <= 1000
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or isinstance(value, float)
