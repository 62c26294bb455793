"""The group-commit loop: whatever has queued up is looked up, computed, committed and answered together, no timer."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from experiments.errors import Fault, InvalidError, NotFoundError, UnavailableError, WinbackError
from experiments.model.access.principal import Principal, require
from experiments.model.erasing import is_pseudonym
from experiments.model.times import now
from experiments.services.deciding.batch import Pending
from experiments.services.deciding.limit_leases import LimitLeases
from experiments.services.deciding.messages import Assignment, Decision
from experiments.services.deciding.passing import Passing
from experiments.services.deciding.replies import AssignmentAnswer
from experiments.services.deciding.runtime import Runtime
from experiments.store.deciding.decision_log import DecisionLog

MOST_AT_ONCE = 256
"""Requests of one commit; more would hold up the event loop for too long."""

_log = structlog.get_logger("winback.deciding")
Call = tuple[list[Pending], asyncio.Future[None]]


class Decider:
    """Decides for one process. Calls are answered after their rows are committed (law 1).

    With several lanes one batch is computed while another waits for the database; where the same unit is in both, they
    race like replicas do.
    """

    def __init__(
        self, runtime: Runtime, log: DecisionLog, leases: LimitLeases, clock: Callable[[], int] = now, lanes: int = 1
    ) -> None:
        self._runtime, self._passing = runtime, Passing(runtime, log, leases, clock)
        self._queue: deque[Call] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._lanes = lanes
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to serve, on the running event loop."""
        self._tasks = [asyncio.create_task(self._serve(), name=f"winback-decider-{n}") for n in range(self._lanes)]

    async def close(self) -> None:
        """Serve what has queued up, then end."""
        self._closing = True
        self._arrived.set()
        await asyncio.gather(*self._tasks)

    async def decide(self, principal: Principal, key: str, request: Assignment, *, preview: bool = False) -> Decision:
        """One decision. Raises what the request is refused with."""
        require(principal, "assign")
        if request.force:
            require(principal, "experiment")
        check(request)
        await self._known(key)
        pending = Pending(key, request, preview)
        await self._settled([pending])
        if isinstance(pending.answer, Decision):
            return pending.answer
        raise pending.answer or UnavailableError("the service is closing; try again")

    async def decide_many(
        self, principal: Principal, key: str, requests: Sequence[Assignment | WinbackError]
    ) -> list[Decision | Exception]:
        """One answer for each request, in order; what is refused is refused alone, also what was an error before."""
        require(principal, "assign")
        await self._known(key)
        answers: list[Decision | Exception] = []
        for start in range(0, len(requests), MOST_AT_ONCE):
            answers += await self._chunk(principal, key, requests[start : start + MOST_AT_ONCE])
        return answers

    async def decide_block(
        self, principal: Principal, key: str, requests: Sequence[Assignment | WinbackError], asked_at: int
    ) -> list[AssignmentAnswer | Exception]:
        """The same for one block of a whole base that was asked for at an instant: one commit, nobody else in it.
        Nothing is written out: writing replies would take as long as deciding.

        Raises UnavailableError where nothing of it could be decided.
        """
        require(principal, "assign")
        await self._known(key)
        answers = [
            Pending(key, request, asked_at=asked_at) if isinstance(request, Assignment) else request
            for request in requests
        ]
        if pending := [each for each in answers if isinstance(each, Pending)]:
            await self._passing.decide_all(pending)
        return [each.outcome if isinstance(each, Pending) else each for each in answers]

    async def _chunk(
        self, principal: Principal, key: str, requests: Sequence[Assignment | WinbackError]
    ) -> list[Decision | Exception]:
        answers: list[Decision | Exception | Pending] = [
            request if isinstance(request, WinbackError) else _pending(principal, key, request) for request in requests
        ]
        await self._settled([each for each in answers if isinstance(each, Pending)])
        closed = UnavailableError("the service is closing; try again")
        return [each.answer or closed if isinstance(each, Pending) else each for each in answers]

    async def without_window(self, key: str) -> bool:
        """Whether each decision of the experiment needs a key. Raises NotFoundError, UnavailableError."""
        await self._known(key)
        plan = self._runtime.plan(key)
        return plan is not None and plan.decision_window == 0

    async def _known(self, key: str) -> None:
        """Look for an experiment that this process has not heard of, before the call is queued."""
        if self._runtime.plan(key) is None and await self._runtime.plan_or_look(key) is None:
            raise NotFoundError(f"there is no experiment {key[:64]!r}")

    async def _settled(self, pending: list[Pending]) -> None:
        if not pending or self._closing:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((pending, done))
        self._arrived.set()
        await done

    async def _serve(self) -> None:
        while self._queue or not self._closing:
            await self._arrived.wait()
            await self._gather()
            calls = self._take()
            if calls:
                await self._settle(calls)
            if not self._queue and not self._closing:
                self._arrived.clear()

    async def _gather(self) -> None:
        """Let answers go out and what has arrived be read, for as long as each look at the sockets brings more.

        No timer: where nothing more is there the pass begins at once. A pass has a price of its own, whatever its size.
        """
        before = -1
        while before < len(self._queue) < MOST_AT_ONCE:
            before = len(self._queue)
            await asyncio.sleep(0)

    def _take(self) -> list[Call]:
        calls, count = list[Call](), 0
        while self._queue and (not calls or count + len(self._queue[0][0]) <= MOST_AT_ONCE):
            calls.append(self._queue.popleft())
            count += len(calls[-1][0])
        return calls

    async def _settle(self, calls: list[Call]) -> None:
        try:
            await self._passing.decide_all([each for pending, _ in calls for each in pending])
        except Exception as error:
            if not isinstance(error, UnavailableError):
                _log.exception("a batch of decisions failed")
            # Whoever queued meanwhile has waited as long as the one who tried.
            calls += self._queue
            self._queue.clear()
            for pending, _ in calls:
                for each in pending:
                    each.answer = error
        for _, done in calls:
            if not done.done():
                done.set_result(None)


def check(request: Assignment) -> None:
    """What the types cannot say. Raises InvalidError."""
    faults = []
    if "\0" in request.unit_id:
        faults.append(Fault("/unit_id", "must not contain NUL"))
    if is_pseudonym(request.unit_id):
        faults.append(Fault("/unit_id", "stands in the place of a person who was erased"))
    if request.idempotency_key is not None and "\0" in request.idempotency_key:
        faults.append(Fault("/idempotency_key", "must not contain NUL"))
    if faults:
        raise InvalidError(faults)


def _pending(principal: Principal, key: str, request: Assignment) -> Pending | WinbackError:
    try:
        if request.force:
            require(principal, "experiment")
        check(request)
    except WinbackError as error:
        return error
    return Pending(key, request)
