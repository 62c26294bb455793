"""One pass over what has queued up: stored decisions answer their requests, new ones are computed in order.

Later requests of the batch see the new decisions of earlier ones, so that the same unit twice in a batch is decided
once. What a new decision's row meets in the database is not known yet: `answers` says who depends on which row.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from bandit.history import VERSION as HISTORY_VERSION
from bandit.rounds import Scalar
from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError, UnavailableError, WinbackError
from experiments.model.callers_clock import check_jump
from experiments.model.deciding.decisions import MAX_INSTANT, DecisionRow
from experiments.model.deciding.record import encode_record
from experiments.model.ids import DecisionIds
from experiments.model.times import to_micros, to_rfc3339
from experiments.model.zones import TIME_ZONE, zone_fault
from experiments.services.deciding.computing import Drawn, Prefetched, compute, compute_forced
from experiments.services.deciding.facts import facts_of
from experiments.services.deciding.limiter import Bounds, Limiter
from experiments.services.deciding.messages import Assignment, Decision, Reason
from experiments.services.deciding.places import Ask, Place, place_of
from experiments.services.deciding.plan import Plan
from experiments.services.deciding.replies import AssignmentAnswer, written
from experiments.services.deciding.runtime import Runtime
from experiments.store.deciding.decision_log import Known, Stored

_log = structlog.get_logger("winback.deciding")


@dataclass(slots=True)
class Pending:
    """A request under way; `answer` is its decision or what it is refused with, `row` the new row it depends on.

    One of a block gets no decision written out, but `settled`: the answer as it is.

    `asked_at`: when it was asked for, where that was long before it is decided; a decision that was open then, or was
    made since, answers it.
    """

    key: str
    request: Assignment
    preview: bool = False
    asked_at: int | None = None
    answer: Decision | Exception | None = None
    settled: AssignmentAnswer | None = None
    row: int | None = None

    @property
    def outcome(self) -> AssignmentAnswer | Exception:
        """What came of one of a block."""
        if self.settled is not None:
            return self.settled
        return self.answer if isinstance(self.answer, Exception) else UnavailableError("it was not decided; try again")


@dataclass(slots=True)
class Batch:
    """The pass: what is known, the server's clock, and what has come of it."""

    runtime: Runtime
    ids: DecisionIds
    known: Known
    now: int
    limiter: Limiter
    rows: list[DecisionRow] = field(default_factory=list)
    clocks: dict[int, int] = field(default_factory=dict)
    prefetched: dict[int, Prefetched] = field(default_factory=dict)
    is_block: bool = False

    def answer(self, pending: Pending) -> None:
        """Decide one request; its answer stands once its row is committed."""
        pending.row = pending.answer = pending.settled = None
        try:
            settled = self._answer(pending)
            if self.is_block:
                pending.settled = settled
            else:
                pending.answer = self._written(pending, settled)
        except WinbackError as error:
            pending.answer = error
        except Exception as error:
            # One request that finds a fault of ours must not take its batch with it.
            _log.exception("a decision failed", experiment=pending.key)
            pending.answer = error

    @staticmethod
    def _written(pending: Pending, settled: AssignmentAnswer) -> Decision:
        reply = written(pending.key, pending.request.unit_id, settled)
        if pending.preview and settled.reason != "repeat":
            reply.decision_id = None
        return reply

    def _answer(self, pending: Pending) -> AssignmentAnswer:
        plan, request = self._plan(pending.key), pending.request
        at = self._instant(plan, request, pending.preview)
        plan = self.runtime.at(plan, at)
        forced = _forced_arm(plan, request)
        if request.unit_id in self.known.erased:
            self._advance(plan, at, pending.preview, strict=False)
            return AssignmentAnswer("erased", plan.revision, erased_as=self.known.erased[request.unit_id])
        latest = self.known.latest.get((plan.id, request.unit_id))
        keyed = self._keyed(plan, request)
        asked = at if pending.asked_at is None else min(at, pending.asked_at)
        place = place_of(Ask(plan.decision_window, asked, forced), latest, keyed)
        if not isinstance(place, Place):
            self._advance(plan, at, pending.preview, strict=False)
            return self._repeat(plan, place, pending)
        self._advance(plan, at, pending.preview, strict=True)
        return self._new(plan, pending, place, at)

    def _new(self, plan: Plan, pending: Pending, place: Place, at: int) -> AssignmentAnswer:
        request = pending.request
        if plan.status != "running":
            return AssignmentAnswer("paused" if plan.status == "paused" else "ended", plan.revision)
        prefetched = self.prefetched.get(id(pending))
        if prefetched is not None and prefetched.plan is not plan:
            prefetched = None
        _check_zone(plan, request)
        facts = facts_of(self.known, request, at, plan.caller_clock) if prefetched is None else prefetched.facts
        drawn: Drawn | Reason
        if self._is_left_alone(plan, request):
            drawn = "suppressed"
        elif request.force:
            drawn = compute_forced(plan, request, facts)
        else:
            reason = plan.enrolment.refusal(request.unit_id, facts, at) if prefetched is None else None
            bounds = self._bounds(plan, request, facts, at)
            drawn = compute(plan, request, facts, place, bounds, prefetched) if reason is None else reason
            if reason == "not_enrolled" and not pending.preview:
                self._note_held_out(plan, request, facts, at)
        if isinstance(drawn, str):
            return AssignmentAnswer(drawn, plan.revision)
        row = self._row(plan, request, (place, at), drawn)
        if not pending.preview:
            self._remember(plan, row)
            pending.row = row.id
        return AssignmentAnswer("forced" if request.force else "new", row.revision, row, plan.arms_by_key, drawn.record)

    def _is_left_alone(self, plan: Plan, request: Assignment) -> bool:
        """Whether nobody may contact the unit and it has no decision yet: then it takes part in no variant.

        Whoever has one stays in the comparison: what came after the first decision may have come of it, so that every
        variant, a holdout included, goes on with `nothing` for its units.
        """
        unit = request.unit_id
        if unit not in self.known.limits.suppressed:
            return False
        return request.force or (plan.id, unit) not in self.known.latest

    def _note_held_out(self, plan: Plan, request: Assignment, facts: dict[str, Scalar], at: int) -> None:
        """Remember a globally held-out unit from when it would have had its first decision: the portfolio's control.

        Replays and simulations, which have a clock of their own, are no part of the portfolio.
        """
        unit, asks = request.unit_id, self.runtime.held_out
        if plan.caller_clock or asks.knows(unit) or not plan.enrolment.is_held_out(unit):
            return
        if unit in self.known.limits.suppressed:
            return
        if not plan.enrolment.would_take_part(unit, facts, at):
            return
        with suppress(WinbackError):  # whoever is not held out would have been refused with it
            if not isinstance(compute(plan, request, facts, Place(0, 0), self._bounds(plan, request, facts, at)), str):
                asks.note(unit, at, at + plan.maturity)

    def _bounds(self, plan: Plan, request: Assignment, facts: dict[str, Scalar], at: int) -> Bounds | None:
        if plan.limits is None and not self.known.limits.suppressed:
            return None
        return self.limiter.bounds(plan, request.unit_id, facts, at)

    def _remember(self, plan: Plan, row: DecisionRow) -> None:
        self.rows.append(row)
        if row.mode != "forced" and (plan.limits is not None or self.limiter.looks_back):
            self.limiter.book(plan, row)
        stored = Stored(row, voided=False)
        self.known.latest[row.experiment_id, row.unit_id] = stored
        if row.idempotency_key is not None:
            self.known.keyed[row.experiment_id, row.idempotency_key] = stored

    def _repeat(self, plan: Plan, stored: Stored, pending: Pending) -> AssignmentAnswer:
        arms_by_key = self.runtime.arms_by_key(plan.id, stored.row.revision)
        if arms_by_key is None:
            raise NotFoundError(f"revision {stored.row.revision} of {plan.key!r} is not there")
        pending.row = stored.row.id
        withheld = stored.row.unit_id in self.known.limits.suppressed
        return AssignmentAnswer("repeat", stored.row.revision, stored.row, arms_by_key, withheld=withheld)

    def _plan(self, key: str) -> Plan:
        plan = self.runtime.plan(key)
        if plan is None or plan.id not in self.known.heads:
            raise NotFoundError(f"there is no experiment {key!r}")
        if plan.status in ("draft", "archived"):
            raise ConflictError(f"{key!r} is {plan.status}: it decides nothing")
        return plan

    def _keyed(self, plan: Plan, request: Assignment) -> Stored | None:
        if request.idempotency_key is None:
            if plan.decision_window == 0:
                raise InvalidError([Fault("/idempotency_key", "required: the experiment's decision window is zero")])
            return None
        keyed = self.known.keyed.get((plan.id, request.idempotency_key))
        if keyed is not None and keyed.row.unit_id != request.unit_id:
            raise ConflictError(f"the idempotency key {request.idempotency_key!r:.80} belongs to another unit")
        return keyed

    def _instant(self, plan: Plan, request: Assignment, preview: bool) -> int:
        if not plan.caller_clock:
            if request.at is not None:
                raise InvalidError([Fault("/at", "only experiments on the caller's clock take it")])
            return self.now
        if request.at is None:
            head = self.known.heads[plan.id].clock_now
            if preview and head is not None:
                return head
            raise InvalidError([Fault("/at", "required: the experiment runs on the caller's clock")])
        return checked_instant(to_micros(request.at))

    def _advance(self, plan: Plan, at: int, preview: bool, *, strict: bool) -> None:
        """Move the caller's clock. A repeat may come late: it is a retry of what was asked at its time."""
        if not plan.caller_clock or preview:
            return
        head = self.known.heads[plan.id].clock_now
        last = head if plan.id not in self.clocks else max(head or 0, self.clocks[plan.id])
        if last is not None and at <= last:
            if strict and at < last:
                raise ConflictError(f"the experiment's clock is at {to_rfc3339(last)} and does not go back")
            return
        check_jump(last, at, self.now)
        self.clocks[plan.id] = at

    def _row(self, plan: Plan, request: Assignment, when: tuple[Place, int], drawn: Drawn) -> DecisionRow:
        place, at = when
        if request.unit_id in self.known.facts:
            drawn.record.history_version = HISTORY_VERSION
        return DecisionRow(
            self.ids.next(self.now),
            plan.id,
            request.unit_id,
            place.epoch,
            place.attempt,
            plan.revision,
            drawn.variant,
            drawn.arm,
            drawn.propensity,
            drawn.mode,
            drawn.snapshot_id,
            at,
            min(at + plan.decision_window, MAX_INSTANT),
            min(at + plan.maturity, MAX_INSTANT),
            request.idempotency_key,
            encode_record(drawn.record).decode(),
        )


def checked_instant(micros: int) -> int:
    """Raise InvalidError outside the years that an instant may lie in."""
    if not 0 <= micros < MAX_INSTANT:
        raise InvalidError([Fault("/at", "must lie between the years 1970 and 3000")])
    return micros


def _check_zone(plan: Plan, request: Assignment) -> None:
    """Raise InvalidError where quiet hours would go by a zone that the caller's context names and nobody has."""
    if plan.limits is None or plan.limits.quiet is None:
        return
    zone = request.context.get(TIME_ZONE)
    if zone is not None and (detail := zone_fault(zone)):
        raise InvalidError([Fault(f"/context/{TIME_ZONE}", detail)])


def _forced_arm(plan: Plan, request: Assignment) -> str | None:
    if request.arm is not None and request.arm not in plan.arms_by_key:
        raise InvalidError([Fault("/arm", f"{plan.key!r} has no arm {request.arm!r:.80}")])
    if not request.force:
        return None
    if request.arm is None:
        raise InvalidError([Fault("/arm", "required with `force`: which arm?")])
    return request.arm
