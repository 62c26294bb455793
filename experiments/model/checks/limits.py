"""Checks on caps, quiet hours and budget."""

from collections.abc import Iterator

from bandit.rounds import NOTHING
from experiments.errors import Fault
from experiments.model.checks.shape import escape
from experiments.model.deciding.eligibility import names_nothing
from experiments.model.designing.definition import Definition
from experiments.model.zones import zone_fault

MOST_COST = 1e9
"""Costs are counted in millionths in 64 bits."""


def caps_are_sound(definition: Definition) -> Iterator[Fault]:
    """Caps name arms that are there and spans that something fits in."""
    caps = definition.caps
    for place, cap in enumerate(caps.contacts):
        if not cap.within:
            yield Fault(f"/caps/contacts/{place}/within", "must be longer than zero")
        if cap.scope == "service" and definition.clock == "caller":
            yield Fault(
                f"/caps/contacts/{place}/scope",
                "on the caller's clock only the experiment's own contacts can be counted; write experiment",
            )
    known = {arm.key for arm in definition.arms}
    for key in caps.arms:
        if key == NOTHING:
            yield Fault(f"/caps/arms/{escape(key)}", f"{NOTHING!r} is never capped")
        elif key not in known:
            yield Fault(f"/caps/arms/{escape(key)}", f"there is no arm {key!r}")
    reward = caps.reward
    if reward is not None and reward.per_unit is None and reward.total is None:
        yield Fault("/caps/reward", "give at least one of per_unit and total")
    if reward is not None and reward.within is not None and (reward.per_unit is None or not reward.within):
        yield Fault("/caps/reward/within", "is the span of per_unit: give both, longer than zero")


def quiet_hours_are_sound(definition: Definition) -> Iterator[Fault]:
    """Quiet hours have a beginning, another end, and a zone that exists."""
    quiet = definition.quiet_hours
    if quiet is None:
        return
    if quiet.begin == quiet.end:
        yield Fault("/quiet_hours/to", "is the same as from; to contact nobody at all, pause the experiment")
    if quiet.time_zone is not None and (detail := zone_fault(quiet.time_zone)):
        yield Fault("/quiet_hours/time_zone", detail)


def budget_is_sound(definition: Definition) -> Iterator[Fault]:
    """Even pacing needs an end to pace towards."""
    budget = definition.budget
    if budget is not None:
        end = budget.ends_at or definition.ends_at
        if budget.pacing == "even" and end is None:
            yield Fault("/budget/ends_at", "even pacing needs an end: give it here or as the experiment's ends_at")
        if budget.ends_at is not None and definition.starts_at is not None and budget.ends_at <= definition.starts_at:
            yield Fault("/budget/ends_at", "must come after starts_at")


def costs_are_countable(definition: Definition) -> Iterator[Fault]:
    """Sums of money are exact up to a point."""
    if definition.budget is not None or definition.caps.reward is not None:
        for place, arm in enumerate(definition.arms):
            for name in ("reward_cost", "contact_cost"):
                if getattr(arm, name) > MOST_COST:
                    yield Fault(f"/arms/{place}/{name}", f"with a budget or a reward cap at most {MOST_COST:g}")


def pacing_has_no_way_out(definition: Definition) -> Iterator[Fault]:
    """A price on cost shifts probability to cheaper arms; without a free one it can save little."""
    budget = definition.budget
    if budget is None or budget.pacing != "even":
        return
    free = any(not arm.reward_cost and not arm.contact_cost for arm in definition.arms)
    if not free and not any(names_nothing(each.policy) for each in definition.variants if each.policy.sole_arm is None):
        yield Fault("/budget", f"every arm costs something: list {NOTHING!r} among the arms, so that pacing can save")
