"""NATS JetStream: one stream named like the prefix holds every subject.

FastStream connects and publishes. Its batch subscriber fetches again and again until a batch is full, and forgets what
it has where a later fetch fails: such messages come again only after half a minute. So reading is done below it.
"""

import asyncio
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress

import structlog
from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError

from experiments.connectors.brokers import MEDIA_TYPE, Handler, Names, Outgoing, away
from experiments.errors import BrokerAwayError

_PATIENCE = 5.0
_AWAY = (NatsError, OSError, TimeoutError)
_FETCH, _PAUSE = 1.0, 0.5
"""Seconds that a fetch waits for a first message, and that follow a fetch which failed."""

_log = structlog.get_logger("winback.streams")


class Nats:
    """See Broker. A log keeps what was read: `take_back` finds nothing to remove."""

    def __init__(self, url: str, names: Names) -> None:
        self._url, self._names = url, names
        self._broker: NatsBroker | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._subscriptions: dict[str, JetStreamContext.PullSubscription] = {}

    async def start(self, inlets: Mapping[str, Handler]) -> None:
        """See Broker."""
        # A broker that is away is waited for, however long.
        broker = NatsBroker(
            servers=[self._url], logger=None, connect_timeout=2, allow_reconnect=True, max_reconnect_attempts=-1
        )
        try:
            async with asyncio.timeout(2 * _PATIENCE):
                stream = (await broker.connect()).jetstream()
                with suppress(BadRequestError):  # it is there, as its owner made it
                    await stream.add_stream(StreamConfig(name=self._names.prefix, subjects=[f"{self._names.prefix}.>"]))
                await broker.start()
                for channel in inlets:
                    self._subscriptions[channel] = await stream.pull_subscribe(
                        self._names.of(channel), f"{self._names.prefix}-{channel}", self._names.prefix
                    )
        except _AWAY as error:
            await broker.stop()
            raise away(self._url, error) from error
        self._broker = broker
        self._readers = [
            asyncio.create_task(_read(subscription, inlets[channel], self._names.prefetch))
            for channel, subscription in self._subscriptions.items()
        ]

    async def publish(self, channel: str, messages: Sequence[Outgoing]) -> None:
        """See Broker."""
        if self._broker is None:
            raise BrokerAwayError("the broker is not connected")
        try:
            for message in messages:
                headers = {**message.headers, "content-type": MEDIA_TYPE}
                async with asyncio.timeout(_PATIENCE):
                    await self._broker.publish(
                        message.body, self._names.of(channel), headers=headers, stream=self._names.prefix
                    )
        except _AWAY as error:
            raise BrokerAwayError(f"the broker did not confirm: {error!r}") from error

    async def take_back(self, channel: str, ids: Set[str]) -> int:  # noqa: ARG002 - the protocol's
        """See Broker."""
        return 0

    async def stop(self) -> None:
        """See Broker."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        # The client waits half a minute for what lies in a subscription that nobody reads any more.
        for subscription in self._subscriptions.values():
            with suppress(*_AWAY):
                await subscription.unsubscribe()
        self._readers, self._subscriptions = [], {}
        if self._broker is not None:
            await self._broker.stop()
        self._broker = None


async def _read(subscription: JetStreamContext.PullSubscription, handler: Handler, prefetch: int) -> None:
    """Hand over what is there, then acknowledge it. Only cancelling ends it."""
    while True:
        try:
            messages = await subscription.fetch(prefetch, timeout=_FETCH)
        except TimeoutError:
            continue
        except _AWAY as error:
            _log.warning("the broker is away", reason=repr(error), again_in=_PAUSE)
            await asyncio.sleep(_PAUSE)
            continue
        try:
            await handler([message.data for message in messages])
            for message in messages:
                await message.ack()
        except Exception:
            _log.exception("a batch comes again")
            await asyncio.sleep(_PAUSE)
            with suppress(*_AWAY):
                for message in messages:
                    await message.nak()
