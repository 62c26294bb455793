"""Where a budget stands, and when it will be spent."""

from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.designing.definition import Definition
from experiments.model.designing.limit_plan import cost_of
from experiments.model.designing.limits import MICRO, BudgetDefinition, micros
from experiments.model.pacing import PRIOR, PacingState, depletion
from experiments.model.tables.core import Experiment
from experiments.model.tables.limits import Pacing
from experiments.model.times import now, to_micros, to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.limits.ledger import decode_costs
from experiments.store.limits.pacing import Standing, standing, state_of

_TELLING = 0.01
"""Share of a budget that must be planned for before a pace says anything."""

NOTHING_YET = Standing(0, 0, 0, 0, 0, 0, 0, 0)


def budget(engine: Engine, principal: Principal, key: str) -> dict[str, Any]:
    """What is committed, paid and expected, the price in force, and when the budget runs out.

    Raises ForbiddenError, NotFoundError, also where the experiment has no budget.
    """
    require(principal, "read")
    with reading(engine) as session:
        experiment = find(session, key)
        definition = Definition.model_validate(experiment.definition)
        if definition.budget is None:
            raise NotFoundError(f"{key!r} has no budget")
        return _document(session, experiment, definition, definition.budget)


def _document(
    session: Session, experiment: Experiment, definition: Definition, money: BudgetDefinition
) -> dict[str, Any]:
    row = session.get(Pacing, experiment.id)
    found = standing(session.connection(), experiment.id or 0) or NOTHING_YET
    state, amount = state_of(row), micros(money.amount)
    prior = PRIOR * MICRO * max((arm.contact_cost + arm.reward_cost for arm in definition.arms), default=0.0)
    expected = found.expected(found.rate(prior))
    clock = experiment.clock_now if definition.clock == "caller" else now()
    spent = _is_spent(definition, amount - found.committed)
    ends = money.ends_at or definition.ends_at
    planned = None
    if clock is not None and ends is not None and experiment.started_at is not None:
        planned = _planned(state, amount, (experiment.started_at, clock, to_micros(ends)))
    return {
        "experiment": experiment.key,
        "currency": definition.currency,
        "amount": money.amount,
        "pacing": money.pacing,
        "ends_at": None if ends is None else to_rfc3339(to_micros(ends)),
        "as_of": None if clock is None else to_rfc3339(clock),
        "committed": found.committed / MICRO,
        "realised": found.realised / MICRO,
        "expected": expected / MICRO,
        "remaining": (amount - found.committed) / MICRO,
        "planned": None if planned is None else planned / MICRO,
        "pace": expected / planned if planned and planned >= _TELLING * amount else None,
        "lambda": 0.0 if row is None else row.shadow_price,
        "expected_costs": {} if row is None else decode_costs(row.expected_costs),
        "depleted": spent,
        "depletes_at": None if clock is None else _span(depletion(state, clock, 0 if spent else amount - expected)),
    }


def _is_spent(definition: Definition, left: int) -> bool:
    """Whether what is not committed is too little for any arm that costs something."""
    costs = (cost_of(arm).committed for arm in definition.arms)
    return left < min((cost for cost in costs if cost > 0), default=1)


def _planned(state: PacingState, amount: int, span: tuple[int, int, int]) -> float:
    """Even spending, by the traffic that is to be expected at each hour of the day; by the clock before any came."""
    start, clock, end = span
    at = min(max(clock, start), end)
    whole = state.expect(start, end)
    if whole > 0.0:
        return amount * state.expect(start, at) / whole
    return amount * (at - start) / max(end - start, 1)


def _span(found: tuple[int | None, int | None, int | None] | None) -> dict[str, str | None] | None:
    if found is None:
        return None
    value, lower, upper = (None if each is None else to_rfc3339(each) for each in found)
    return {"value": value, "lower": lower, "upper": upper}
