"""Settle what matured decisions really cost, and adapt the price on cost by which budgets are paced.

Both move under the worker's lease: a matured decision gives back what did not fall due exactly once (its watermark
moves in the same transaction).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import WinbackError
from experiments.model.designing.definition import Definition
from experiments.model.designing.limit_plan import BUDGET, Cost, cost_of, use_of
from experiments.model.designing.limits import MICRO, micros
from experiments.model.designing.states import LIVE
from experiments.model.pacing import PRIOR, Course, PacingState, Spending, Step, depletion, step
from experiments.model.tables.core import Experiment
from experiments.model.tables.limits import Pacing
from experiments.model.times import duration_micros, to_micros
from experiments.services.limits.pacing_alerts import ALERT, Budgeted, forget, warn
from experiments.store.alerts import unresolved_names
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.designing.revisions import Head, RevisionBook, heads
from experiments.store.limits.pacing import (
    Round,
    Standing,
    remember,
    rounds_after,
    settle,
    standing,
    state_of,
    unsettled,
)
from experiments.store.limits.totals import decode_overrides

AT_ONCE = 500
_log = structlog.get_logger("winback.pacing")


class Settled(NamedTuple):
    """What a batch of rounds gives back of one resource: up to which round, the sums, arms that fell due."""

    seq: int
    sums: tuple[int, int, int]
    due: list[tuple[str, bool]]


class Pacer:
    """The single settler of limits."""

    def __init__(self, engine: Engine, book: RevisionBook) -> None:
        self._engine, self._book = engine, book

    def run(self, lease: Lease, at: int) -> int:
        """Settle and price every experiment at `at` (server's clock); rounds settled. Raises LeaseLostError."""
        with reading(self._engine) as session:
            live = [head for head in heads(session.connection()) if head.status in LIVE]
        return sum(self._guarded(lease, head, at) for head in live)

    def _guarded(self, lease: Lease, head: Head, at: int) -> int:
        try:
            return self.experiment(lease, head, at)
        except WinbackError:
            raise
        except Exception:
            _log.exception("not paced", experiment=head.key)
            return 0

    def experiment(self, lease: Lease, head: Head, at: int) -> int:
        """One experiment; rounds settled."""
        with reading(self._engine) as session:
            due = unsettled(session.connection(), head.id)
            told = ALERT in unresolved_names(session, head.id)
        settled = sum(self._settle(lease, head.id, resource, after) for resource, after in due.items())
        if BUDGET in due:
            self._price(lease, head, at)
        elif told:
            with fenced(self._engine, lease) as session:
                forget(session, head.id, head.key)
        return settled

    def _settle(self, lease: Lease, number: int, resource: str, after: int) -> int:
        done = 0
        while True:
            with reading(self._engine) as session:
                rounds = rounds_after(session.connection(), number, after, AT_ONCE)
                found = self._sum(session, number, resource, rounds) if rounds else None
            if found is None:
                return done
            with fenced(self._engine, lease) as session:
                place = {"experiment_id": number, "resource": resource, "after": after, "seq": found.seq}
                settle(session.connection(), place, found.sums)
                if resource == BUDGET:
                    _note_due(session, number, found)
            after, done = found.seq, done + len(rounds)

    def _sum(self, session: Session, number: int, resource: str, rounds: list[Round]) -> Settled:
        matured = contingent = realised = 0
        due = []
        for one in rounds:
            if one.voided or one.mode == "forced":
                continue  # given back when it was voided; never taken
            cost = self._cost(session, number, one)
            use = use_of(resource, one.arm, cost)
            reward = micros(one.metrics.get("reward_cost", 0.0))
            matured, contingent = matured + use.amount, contingent + use.later
            realised += reward + (micros(one.metrics.get("contact_cost", 0.0)) if resource == BUDGET else 0)
            if cost.later:
                due.append((one.arm, reward > 0))
        return Settled(rounds[-1].seq, (matured, contingent, realised), due)

    def _cost(self, session: Session, number: int, one: Round) -> Cost:
        costs = decode_overrides(one.record).costs if '"costs":' in one.record else {}
        return cost_of(self._book.of(session, number, one.revision).definition.arm(one.arm), costs.get(one.arm))

    def _price(self, lease: Lease, head: Head, at: int) -> None:
        with fenced(self._engine, lease) as session:
            experiment = session.get_one(Experiment, head.id)
            definition = Definition.model_validate(experiment.definition)
            now = experiment.clock_now if definition.clock == "caller" else at
            row, found = session.get(Pacing, head.id), standing(session.connection(), head.id)
            if found is None or now is None or definition.budget is None:
                return
            state = state_of(row)
            row = row or Pacing(experiment_id=head.id, clock=experiment.started_at or now, state={})
            if now <= row.clock:
                return
            rate = found.rate(PRIOR * dearest(definition) * MICRO)
            expected = expected_costs(definition, lambda arm: state.rate(arm, rate))
            price = step(
                state,
                row.shadow_price,
                spending(found, rate),
                _step(definition, row, (experiment.started_at or now, now), expected),
            )
            row.shadow_price = price if definition.budget.pacing == "even" else 0.0
            row.expected_costs = msgspec.json.encode(expected).decode()
            row.clock = now
            remember(session, row, state)
            whose = Budgeted(head.id, head.key, definition.budget, definition.currency)
            warn(session, whose, _course(definition, experiment, found, (state, now, rate)), state.decisions)


def _course(
    definition: Definition, experiment: Experiment, found: Standing, at: tuple[PacingState, int, float]
) -> Course:
    state, now, rate = at
    amount = 0 if definition.budget is None else micros(definition.budget.amount)
    out = depletion(state, now, amount - found.expected(rate))
    start = experiment.started_at or now
    return Course(amount, found.committed, start, now, end_of(definition), None if out is None else out[2])


def spending(found: Standing, rate: float) -> Spending:
    """What pacing goes by: what was decided, less what was voided."""
    contingent = found.contingent - found.voided_contingent
    sure = found.used - found.voided - contingent
    return Spending(found.decisions, sure, contingent, rate, found.expected(rate), found.committed)


def end_of(definition: Definition) -> int | None:
    """When a budget is to be spent."""
    ends = definition.ends_at if definition.budget is None else definition.budget.ends_at or definition.ends_at
    return None if ends is None else to_micros(ends)


def expected_costs(definition: Definition, rate_of: Callable[[str], float]) -> dict[str, float]:
    """Arm → what a decision for it is expected to cost, where that is anything, in the experiment's currency."""
    found = {}
    for arm in definition.arms:
        share = 1.0 if arm.cost_on == "decision" else rate_of(arm.key)
        found[arm.key] = arm.contact_cost + share * arm.reward_cost
    return {key: cost for key, cost in found.items() if cost}


def dearest(definition: Definition) -> float:
    """The highest cost of an arm."""
    return max((arm.contact_cost + arm.reward_cost for arm in definition.arms), default=0.0)


def _step(definition: Definition, row: Pacing, at: tuple[int, int], expected: Mapping[str, float]) -> Step:
    start, now = at
    amount = 0 if definition.budget is None else micros(definition.budget.amount)
    window = duration_micros(definition.attribution_window + definition.grace)
    dearest_expected = max(expected.values(), default=0.0)
    return Step(amount, row.clock, now, end_of(definition) or now, dearest_expected, window, start)


def _note_due(session: Session, number: int, found: Settled) -> None:
    row = session.get(Pacing, number)
    if row is None or not found.due:
        return
    state: PacingState = state_of(row)
    for arm, fell_due in found.due:
        state.settled[arm] = state.settled.get(arm, 0) + 1
        state.redeemed[arm] = state.redeemed.get(arm, 0) + fell_due
    remember(session, row, state)
