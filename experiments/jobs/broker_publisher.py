"""The worker's connection to the broker: an event loop in a thread of its own, so that heartbeats never wait."""

import asyncio
import threading
from collections.abc import Sequence
from time import monotonic

from experiments.connectors.brokers import Broker, Names, Outgoing, open_broker
from experiments.errors import BrokerAwayError
from experiments.services.learning.publishing import Sent
from experiments.settings import Settings

PATIENCE = 5.0
"""Seconds that a job waits for the broker."""

LONGEST_DELAY = 30.0


class BrokerPublisher:
    """Publishes for a thread that is not asyncio's. After a failure it refuses at once for a while, longer each time,
    so that the other jobs need not wait for a broker that is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broker: Broker | None = None
        self._delay, self._not_before = 1.0, 0.0

    @property
    def configured(self) -> bool:
        """Whether there is a broker to publish to."""
        return self._settings.broker_url is not None

    def send(self, messages: Sequence[Sent]) -> None:
        """Return once the broker has all of them. Raises BrokerAwayError; some may have arrived then."""
        if monotonic() < self._not_before:
            raise BrokerAwayError("the broker was away a moment ago")
        waiting = asyncio.run_coroutine_threadsafe(self._send(messages), self._running())
        try:
            waiting.result(PATIENCE)
        except (BrokerAwayError, TimeoutError) as error:
            waiting.cancel()
            self._not_before = monotonic() + self._delay
            self._delay = min(2 * self._delay, LONGEST_DELAY)
            raise BrokerAwayError(f"nothing was published: {error or 'the broker did not answer in time'}") from error
        self._delay = 1.0

    def close(self) -> None:
        """Let go of the broker and end the thread."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="winback-publisher", daemon=True)
            self._thread.start()
        return self._loop

    async def _send(self, messages: Sequence[Sent]) -> None:
        if self._broker is None:
            broker = open_broker(str(self._settings.broker_url), Names(self._settings.broker_prefix, (), (), 1))
            await broker.start({})
            self._broker = broker
        try:
            for channel, number, key, body in messages:
                await self._broker.publish(channel, [Outgoing(number, body, key)])
        except BrokerAwayError:
            await self._stop()
            raise

    async def _stop(self) -> None:
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.stop()
