"""The consumer: what has arrived is committed together, then acknowledged; what is malformed goes to the dead letters.

Back-pressure is the broker's prefetch: while the database is away a batch waits here and nothing more is taken.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DataError

from experiments.connectors.brokers import Broker, Outgoing
from experiments.errors import ConflictError, UnavailableError
from experiments.ingestion.envelope import Envelope, MalformedError, open_envelope
from experiments.ingestion.streams import DEAD_LETTERS, STREAMS, broker_of
from experiments.ingestion.taking import Refused
from experiments.model.access.principal import SYSTEM
from experiments.services.dead_lettering import keep_dead_letters
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.store.recording.dead_letters import Letter

FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds before a batch is tried again, doubled each time."""

MOST_REASON = 1000
"""Characters of a reason in a header."""

_REPORT_EVERY = 10.0
_UNSTORABLE = (ValueError, OverflowError, DataError)
"""What databases and drivers say of values that they cannot keep: no repetition helps."""

Result = TypeVar("Result")
_log = structlog.get_logger("winback.streams")


class Intake:
    """One stream: takes batches of bodies in a thread, again and again until they are committed."""

    def __init__(self, name: str, engine: Engine, broker: Broker) -> None:
        self._name, self._engine, self._broker = name, engine, broker
        self._taker = STREAMS[name](engine)
        self.counted: Counter[str] = Counter()

    async def handle(self, bodies: list[bytes]) -> None:
        """Return once all is committed, or with the dead letters. Only cancelling keeps it from getting there."""
        letters = await until_done(self._name, lambda: asyncio.to_thread(self.take, bodies))
        if letters:
            outgoing = [_outgoing(letter) for letter in letters]
            await until_done(self._name, lambda: self._broker.publish(DEAD_LETTERS, outgoing))
        self.counted.update(messages=len(bodies), dead=len(letters))

    def take(self, bodies: Sequence[bytes]) -> list[Letter]:
        """Commit what is well-formed and keep the rest. Raises UnavailableError."""
        envelopes: list[Envelope] = []
        refused: list[Refused] = []
        for body in bodies:
            try:
                envelopes.append(open_envelope(body, self._taker.kind))
            except MalformedError as error:
                refused.append(Refused(body, str(error)))
        refused += self._commit(envelopes)
        letters = [Letter(self._name, each.body, each.reason) for each in refused]
        keep_dead_letters(self._engine, SYSTEM, letters)
        return letters

    def _commit(self, envelopes: Sequence[Envelope]) -> list[Refused]:
        try:
            return self._taker.take(envelopes)
        except _UNSTORABLE as error:
            if len(envelopes) == 1:
                return [Refused(envelopes[0].body, f"cannot be stored: {type(error).__name__}")]
        # One that no database keeps must not hold up the others.
        return [refused for envelope in envelopes for refused in self._commit([envelope])]


async def consume(settings: Settings, stop: asyncio.Event) -> None:
    """Read all streams until `stop` is set. A broker or database that is away is waited for."""
    engine = engine_for(settings, patient=True)
    broker = broker_of(settings)
    intakes = {name: Intake(name, engine, broker) for name in STREAMS}
    starting = asyncio.create_task(
        until_done("start", lambda: broker.start({name: intake.handle for name, intake in intakes.items()}))
    )
    try:
        await _first(starting, stop)
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _REPORT_EVERY)
            _report(intakes)
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await broker.stop()
        engine.dispose()


async def until_done(what: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
    """The result of the first attempt that meets a database and a broker."""
    delay = FIRST_DELAY
    while True:
        try:
            return await attempt()
        except (UnavailableError, ConflictError) as error:
            _log.warning("waiting", stream=what, reason=str(error), again_in=delay)
        except Exception:
            # Whatever it is, the messages are not to blame: they stay where they are until somebody mends it.
            _log.exception("a batch failed", stream=what, again_in=delay)
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY)


async def _first(starting: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait until streams are read, or for the stop."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if starting.done():
        _log.info("reading", streams=list(STREAMS))


def _report(intakes: Mapping[str, Intake]) -> None:
    for name, intake in intakes.items():
        if intake.counted:
            _log.info("taken", stream=name, **intake.counted)
            intake.counted.clear()


def _outgoing(letter: Letter) -> Outgoing:
    # Headers travel in every broker's own form: short, and in one line.
    reason = letter.reason.encode("ascii", "backslashreplace").decode().replace("\n", " ")[:MOST_REASON]
    return Outgoing(letter.digest, letter.body, letter.stream, {"x-stream": letter.stream, "x-reason": reason})
