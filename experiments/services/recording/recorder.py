"""The group-commit loop of outcomes: whatever has queued up is classified and committed together, no timer."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog

from experiments.errors import Fault, UnavailableError
from experiments.model.access.principal import Principal, require
from experiments.services.recording.intake import Intake
from experiments.services.recording.messages import Outcome, OutcomeClass, OutcomeFault, Recorded
from experiments.services.recording.reading import Report, read_outcome

MOST_AT_ONCE = 1000
_MARGIN = 0.1
_log = structlog.get_logger("winback.recording")
Call = tuple[list[Report], asyncio.Future[list[OutcomeClass]]]


class Recorder:
    """Takes outcomes for one process. A call is answered after its outcomes are committed."""

    def __init__(self, intake: Intake, patience: float) -> None:
        self._intake, self._patience = intake, patience + _MARGIN
        self._queue: deque[Call] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve, on the running event loop."""
        self._task = asyncio.create_task(self._serve(), name="winback-recorder")

    async def close(self) -> None:
        """Serve what has queued up, then end."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def record(self, principal: Principal, outcomes: Sequence[Outcome | list[Fault]]) -> list[Recorded]:
        """One answer for each outcome, in order; what came as faults is rejected with them.

        Raises ForbiddenError, UnavailableError.
        """
        require(principal, "outcomes")
        read = [read_outcome(each) if isinstance(each, Outcome) else each for each in outcomes]
        classes = iter(await self._take([each for each in read if isinstance(each, Report)]))
        return [
            Recorded(each.event_id, next(classes)) if isinstance(each, Report) else rejected(_event_id(outcome), each)
            for each, outcome in zip(read, outcomes, strict=True)
        ]

    async def _take(self, reports: list[Report]) -> list[OutcomeClass]:
        if not reports:
            return []
        if self._closing:
            raise UnavailableError("the service is closing; try again")
        done: asyncio.Future[list[OutcomeClass]] = asyncio.get_running_loop().create_future()
        self._queue.append((reports, done))
        self._arrived.set()
        return await done

    async def _serve(self) -> None:
        while self._queue or not self._closing:
            await self._arrived.wait()
            await asyncio.sleep(0)
            calls: list[Any] = []
            count = 0
            while self._queue and (not calls or count + len(self._queue[0][0]) <= MOST_AT_ONCE):
                calls.append(self._queue.popleft())
                count += len(calls[-1][0])
            if calls:
                await self._settle(calls)
            if not self._queue and not self._closing:
                self._arrived.clear()

    async def _settle(self, calls: list[Call]) -> None:
        reports = [report for call, _ in calls for report in call]
        try:
            async with asyncio.timeout(self._patience):
                classes = await asyncio.to_thread(self._intake.take, reports)
        except Exception as error:
            calls += self._queue
            self._queue.clear()
            _refuse(calls, error)
            return
        place = 0
        for call, done in calls:
            if not done.done():
                done.set_result(classes[place : place + len(call)])
            place += len(call)


def rejected(event_id: str | None, faults: Sequence[Fault]) -> Recorded:
    """What is told of a malformed outcome."""
    reason = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults)
    return Recorded(event_id, "rejected", reason, [OutcomeFault(fault.pointer, fault.detail) for fault in faults])


def _event_id(outcome: Outcome | list[Fault]) -> str | None:
    return outcome.event_id if isinstance(outcome, Outcome) else None


def _refuse(calls: Sequence[Call], error: Exception) -> None:
    if isinstance(error, TimeoutError):
        error = UnavailableError("the database did not answer in time; try again")
    elif not isinstance(error, UnavailableError):
        _log.exception("a batch of outcomes failed")
    for _, done in calls:
        if not done.done():
            done.set_exception(error)
