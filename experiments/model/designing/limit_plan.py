"""An experiment's limits made ready for deciding: which arms they leave out, before anything is drawn (law 3)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bandit.rounds import NOTHING, Scalar
from experiments.model.designing.definition import ArmDefinition, Definition
from experiments.model.designing.limits import QuietHoursDefinition, micros
from experiments.model.times import duration_micros, to_datetime, to_micros
from experiments.model.zones import TIME_ZONE

BUDGET, REWARD, ARM = "budget", "reward", "arm:"
CAPPED, QUIET, OVER_BUDGET = "capped", "quiet_hours", "budget"
SUPPRESSED: Final = "suppressed"
"""Why an arm was left out, as its decision records it."""

SEND_HOUR = "send_hour"


class Cost(NamedTuple):
    """What a decision for an arm commits, in millionths; `contingent`: the reward's part may never fall due."""

    reward: int
    contact: int
    contingent: bool

    @property
    def committed(self) -> int:
        """In the worst case."""
        return self.reward + self.contact

    @property
    def later(self) -> int:
        """The part that falls due only on what the unit does."""
        return self.reward if self.contingent else 0


class Use(NamedTuple):
    """What a decision takes of a resource; `later` of it falls due only on what the unit does."""

    resource: str
    amount: int
    later: int = 0


class Contact(NamedTuple):
    """A decision of the unit that contacted it, not voided; `reward` is its reward cost, committed or paid."""

    experiment_id: int
    decided_at: int
    reward: int


class ContactLimit(NamedTuple):
    """At most `most` contacts within any `within` microseconds, over all experiments where `service`."""

    most: int
    within: int
    service: bool


def cost_of(arm: ArmDefinition, override: float | None = None) -> Cost:
    """The cost of a decision for the arm, under a manual override of its reward cost."""
    reward = arm.reward_cost if override is None else override
    return Cost(micros(reward), micros(arm.contact_cost), arm.cost_on != "decision")


def use_of(resource: str, arm: str, cost: Cost) -> Use:
    """What a decision for the arm takes of the resource."""
    if resource == BUDGET:
        return Use(resource, cost.committed, cost.later)
    if resource == REWARD:
        return Use(resource, cost.reward, cost.later)
    return Use(resource, int(resource == ARM + arm))


class QuietHours:
    """Asks the clock on the unit's wall."""

    def __init__(self, definition: QuietHoursDefinition, zone: str, arms: Iterable[ArmDefinition]) -> None:
        self._begin, self._end = _minute(definition.begin), _minute(definition.end)
        self._zone = ZoneInfo(definition.time_zone or zone)
        hours = {arm.key: arm.attributes.get(SEND_HOUR) for arm in arms if arm.key != NOTHING}
        timed = {key: hour for key, hour in hours.items() if isinstance(hour, int | float)}
        self._never = tuple(key for key, hour in timed.items() if self._covers(int(hour * 60) % 1440))
        self._now = tuple(key for key in hours if key not in timed)

    def out(self, at: int, facts: Mapping[str, Scalar]) -> tuple[str, ...]:
        """The arms that would contact the unit in its quiet hours."""
        named = facts.get(TIME_ZONE)
        zone = _zone(named) or self._zone if isinstance(named, str) else self._zone
        local = to_datetime(at).astimezone(zone)
        return self._never + self._now if self._covers(local.hour * 60 + local.minute) else self._never

    def _covers(self, minute: int) -> bool:
        if self._begin < self._end:
            return self._begin <= minute < self._end
        return minute >= self._begin or minute < self._end


@dataclass(frozen=True, slots=True)
class LimitPlan:
    """The limits of one experiment under the cost overrides in force.

    Attributes:
        totals: resource → limit (money in millionths, or decisions).
        uses: arm → what a decision for it takes; with a budget every arm has its place in it, if only to be counted.
        most: resource → the most that one decision takes of it.
        costs: arm → cost.
        per_unit, per_unit_within: reward cost that a unit may have caused within a span (None: ever).
        budget_ends: when the budget is over.
        paced: whether a shadow price is in force.
    """

    experiment_id: int
    contacts: tuple[ContactLimit, ...]
    quiet: QuietHours | None
    per_unit: int | None
    per_unit_within: int | None
    totals: Mapping[str, int]
    uses: Mapping[str, tuple[Use, ...]]
    most: Mapping[str, int]
    costs: Mapping[str, Cost]
    budget_ends: int | None
    paced: bool

    @property
    def service(self) -> bool:
        """Whether contacts of other experiments count."""
        return any(limit.service for limit in self.contacts)

    @property
    def looks_back(self) -> bool:
        """Whether what the unit was given before counts."""
        return bool(self.contacts) or self.per_unit is not None

    def since(self, at: int) -> int:
        """The earliest instant whose contacts count at `at`."""
        if self.per_unit is not None and self.per_unit_within is None:
            return -1
        spans = [limit.within for limit in self.contacts]
        if self.per_unit is not None:
            spans.append(self.per_unit_within or 0)
        return at - max(spans, default=0)

    def barred(
        self, at: int, facts: Mapping[str, Scalar], past: Iterable[Contact], enough: Callable[[str, int], bool]
    ) -> dict[str, str]:
        """Arm → why it is left out; `enough` says whether so much of a resource may still be used."""
        out: dict[str, str] = {}
        if self.quiet is not None:
            out = dict.fromkeys(self.quiet.out(at, facts), QUIET)
        if self.looks_back:
            self._look_back(at, list(past), out)
        over = self.budget_ends is not None and at >= self.budget_ends
        for arm, uses in self.uses.items():
            if arm not in out and arm != NOTHING:
                why = self._too_much(uses, over, enough)
                if why is not None:
                    out[arm] = why
        return out

    def _look_back(self, at: int, past: list[Contact], out: dict[str, str]) -> None:
        for limit in self.contacts:
            counted = sum(
                contact.decided_at > at - limit.within
                and (limit.service or contact.experiment_id == self.experiment_id)
                for contact in past
            )
            if counted >= limit.most:
                for arm in self.costs:
                    if arm != NOTHING:
                        out.setdefault(arm, CAPPED)
                return
        if self.per_unit is None:
            return
        since = -1 if self.per_unit_within is None else at - self.per_unit_within
        own = (contact for contact in past if contact.experiment_id == self.experiment_id)
        spent = sum(contact.reward for contact in own if contact.decided_at > since)
        for arm, cost in self.costs.items():
            if cost.reward and spent + cost.reward > self.per_unit:
                out.setdefault(arm, CAPPED)

    @staticmethod
    def _too_much(uses: tuple[Use, ...], over: bool, enough: Callable[[str, int], bool]) -> str | None:
        for use in uses:
            if use.amount and ((over and use.resource == BUDGET) or not enough(use.resource, use.amount)):
                return OVER_BUDGET if use.resource == BUDGET else CAPPED
        return None


def compile_limits(definition: Definition, experiment_id: int, overrides: Mapping[str, float]) -> LimitPlan | None:
    """The limits in force; None where there are none. `overrides` are manual reward costs."""
    caps, quiet, budget = definition.caps, definition.quiet_hours, definition.budget
    totals = limits_of(definition)
    reward = caps.reward
    if not (caps.contacts or totals or quiet or (reward and reward.per_unit is not None)):
        return None
    arms = definition.arms_with_nothing
    costs = {arm.key: cost_of(arm, overrides.get(arm.key)) for arm in arms}
    ends = None if budget is None else budget.ends_at or definition.ends_at
    within = None if reward is None or reward.within is None else duration_micros(reward.within)
    uses = {key: _uses(totals, key, cost) for key, cost in costs.items()}
    return LimitPlan(
        experiment_id=experiment_id,
        contacts=tuple(
            ContactLimit(cap.max, duration_micros(cap.within), cap.scope == "service") for cap in caps.contacts
        ),
        quiet=None if quiet is None else QuietHours(quiet, definition.time_zone, arms),
        per_unit=None if reward is None or reward.per_unit is None else micros(reward.per_unit),
        per_unit_within=within,
        totals=totals,
        uses=uses,
        most={
            each: max(use.amount for taken in uses.values() for use in taken if use.resource == each) for each in totals
        },
        costs=costs,
        budget_ends=None if ends is None else to_micros(ends),
        paced=budget is not None and budget.pacing == "even",
    )


def limits_of(definition: Definition) -> dict[str, int]:
    """Resource → limit."""
    totals = {ARM + key: cap.total for key, cap in definition.caps.arms.items()}
    if definition.caps.reward is not None and definition.caps.reward.total is not None:
        totals[REWARD] = micros(definition.caps.reward.total)
    if definition.budget is not None:
        totals[BUDGET] = micros(definition.budget.amount)
    return totals


def _uses(totals: Mapping[str, int], arm: str, cost: Cost) -> tuple[Use, ...]:
    found = (use_of(resource, arm, cost) for resource in totals)
    return tuple(use for use in found if use.amount or use.resource == BUDGET)


def _minute(written: str) -> int:
    hour, minute = written.split(":")
    return int(hour) * 60 + int(minute)


@lru_cache(1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
