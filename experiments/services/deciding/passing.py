"""Passes over requests that have queued up: look up, draw, commit; those whose row met another's go round again."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from time import monotonic
from typing import NamedTuple

from experiments.errors import LimitLeaseLostError, UnavailableError
from experiments.model.designing.limit_plan import LimitPlan
from experiments.model.ids import DecisionIds
from experiments.model.times import SECOND, to_micros
from experiments.services.deciding.batch import Batch, Pending
from experiments.services.deciding.limit_leases import LimitLeases
from experiments.services.deciding.limiter import Limiter, wanted_of
from experiments.services.deciding.prefetching import prefetch
from experiments.services.deciding.runtime import Runtime
from experiments.store.deciding.decision_log import DecisionLog, Known, Wanted
from experiments.store.limits.leases import PROTECTED

_PASSES = 8
_PAUSE = 0.05
_LONGEST = 1.5 * PROTECTED / SECOND
"""Seconds after which a block that was granted to another process and is not used yet can be called back for sure."""


class _Way(NamedTuple):
    """How a pass is made: with no other lane under way, and whether an arm may be left out for what others hold."""

    alone: bool = False
    refuses: bool = False


class _RefusedError(Exception):
    """An arm was left out for a total that is not used up."""


class Passing:
    """One process's passes, in as many lanes as call it."""

    def __init__(self, runtime: Runtime, log: DecisionLog, leases: LimitLeases, clock: Callable[[], int]) -> None:
        self._runtime, self._log, self._leases, self._clock = runtime, log, leases, clock
        self._ids = DecisionIds()

    async def decide_all(self, pending: list[Pending]) -> None:
        """Give each its answer, its row committed. Raises UnavailableError.

        Before an arm is left out for a total that is not used up, what other processes leave idle of it is called
        back; what they have been granted just now, and may be committing, is waited for.
        """
        left, way, passes, until = pending, _Way(), 0, 0.0
        while left and passes < _PASSES:
            try:
                left, passes = await self._pass(left, way), passes + 1
            except LimitLeaseLostError:
                way, passes = _Way(alone=True), passes + 1
            except _RefusedError:
                if way.alone:
                    await asyncio.sleep(_PAUSE)
                until = until or monotonic() + _LONGEST
                way = _Way(alone=True, refuses=monotonic() > until)
        for each in left:
            each.settled, each.answer = None, UnavailableError("others decide for this unit all the time; try again")

    async def _pass(self, pending: list[Pending], way: _Way) -> list[Pending]:
        """Decide and commit; those that lost their place to another's row are left."""
        async with self._leases.alone() if way.alone else nullcontext():
            at = self._clock()
            known, limited = await self._look_up(pending, at, way)
            inside: AbstractAsyncContextManager[None] = nullcontext()
            if limited and not way.alone:
                inside = self._leases.together()
            async with inside:
                limiter = Limiter(known.limits, self._leases, self._runtime.arms_by_key, known.limits.looks_back)
                batch = Batch(self._runtime, self._ids, known, at, limiter)
                return await self._committed(batch, pending, way)

    async def _committed(self, batch: Batch, pending: list[Pending], way: _Way) -> list[Pending]:
        ledger, committed = batch.limiter.ledger, set[int]()
        try:
            self._draw(batch, pending)
            if batch.limiter.refused_early and not way.refuses:
                raise _RefusedError
            if not batch.rows and not batch.clocks:
                return []
            committed = await self._append(batch)
        finally:
            self._leases.settle(ledger, committed)
        lost = {row.id for row in batch.rows} - committed
        return [each for each in pending if each.row in lost] if lost else []

    def _draw(self, batch: Batch, pending: list[Pending]) -> None:
        if pending[0].asked_at is not None:
            batch.is_block = True
            prefetch(batch, pending[0].key, pending)
        for each in pending:
            batch.answer(each)

    async def _append(self, batch: Batch) -> set[int]:
        try:
            return await self._log.append(batch.rows, batch.clocks, batch.limiter.ledger, batch.known.erased_at)
        except BaseException:  # also where it was cancelled: it may have been committed or not
            self._leases.doubt()
            raise

    async def _look_up(self, pending: list[Pending], at: int, way: _Way) -> tuple[Known, bool]:
        """What is known, and whether anything is limited; with enough leased, as far as there is enough."""
        wanted = self._wanted(pending, at)
        known = await self._log.look_up(wanted)
        if await self._catch_up(known):
            renewed = self._wanted(pending, at)
            if any(renewed[number].limits != what.limits for number, what in wanted.items() if number in renewed):
                wanted, known = renewed, await self._log.look_up(renewed)
        limited = [what.limits for what in wanted.values() if what.limits is not None]
        if limited:
            demands = self._demands(pending)
            await (self._leases.call_back(demands) if way.alone else self._leases.top_up(demands, known.limits))
            if any(what.money for what in limited):
                await self._load_arms_by_key((past.experiment_id, past.revision) for past in known.limits.contacts())
        known.limits.looks_back = any(what.since is not None for what in limited)
        return known, bool(limited)

    def _demands(self, pending: list[Pending]) -> dict[int, tuple[LimitPlan, int]]:
        demands: dict[int, tuple[LimitPlan, int]] = {}
        for each in pending:
            plan = self._runtime.plan(each.key)
            if plan is not None and plan.limits is not None and plan.status == "running":
                demands[plan.id] = (plan.limits, demands.get(plan.id, (plan.limits, 0))[1] + 1)
        return demands

    def _wanted(self, pending: list[Pending], at: int) -> dict[int, Wanted]:
        wanted: dict[int, Wanted] = {}
        for each in pending:
            plan = self._runtime.plan(each.key)
            if plan is None:
                continue
            what = wanted.get(plan.id)
            if what is None:
                what = wanted[plan.id] = Wanted(learners=plan.caller_clock)
            what.units.add(each.request.unit_id)
            if each.request.idempotency_key is not None:
                what.keys.add(each.request.idempotency_key)
            if plan.limits is not None:
                moment = at if each.request.at is None else to_micros(each.request.at)
                what.limits = wanted_of(plan.limits, moment, what.limits)
        return wanted

    async def _catch_up(self, known: Known) -> bool:
        """Decide by what holds now: a change by another process shows in the versions that were just read.

        Whether anything had changed.
        """
        stale = any(self._stale(number, known) for number in known.heads)
        if stale:
            await self._runtime.refresh()
        rows = [stored.row for found in (known.latest, known.keyed) for stored in found.values()]
        await self._load_arms_by_key((row.experiment_id, row.revision) for row in rows)
        return stale

    async def _load_arms_by_key(self, revisions: Iterable[tuple[int, int]]) -> None:
        missing = [pair for pair in set(revisions) if self._runtime.arms_by_key(*pair) is None]
        if missing:
            await self._runtime.load_arms_by_key(missing)

    def _stale(self, number: int, known: Known) -> bool:
        plan = self._runtime.by_id(number)
        if plan is None or plan.version != known.heads[number].version:
            return True
        # On the caller's clock a simulation wants the newest snapshot at once, so that it can be repeated.
        return plan.caller_clock and plan.heads != known.learners.get(number, {})
