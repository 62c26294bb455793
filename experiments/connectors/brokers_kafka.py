"""Kafka through FastStream's batch subscribers: one topic for each channel, one consumer group for the service.

Built and described, but not run against a broker by our tests (docs/streams.md).
"""

import asyncio
from collections.abc import Mapping, Sequence, Set
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.message import StreamMessage

from experiments.connectors.brokers import MEDIA_TYPE, Handler, Names, Outgoing, away
from experiments.errors import BrokerAwayError

_PATIENCE = 5.0
_AWAY = (KafkaError, OSError, TimeoutError)


class Kafka:
    """See Broker. A log keeps what was read: `take_back` finds nothing to remove."""

    def __init__(self, url: str, names: Names) -> None:
        self._url, self._servers, self._names = url, url.removeprefix("kafka://").rstrip("/").split(","), names
        self._broker: KafkaBroker | None = None

    async def start(self, inlets: Mapping[str, Handler]) -> None:
        """See Broker."""
        broker = self.built(inlets)
        try:
            async with asyncio.timeout(2 * _PATIENCE):
                await self._ask()
                await broker.start()
        except _AWAY as error:
            await broker.stop()
            raise away(self._url, error) from error
        self._broker = broker

    async def _ask(self) -> None:
        """Whether anybody is there: FastStream never closes a producer that could not connect."""
        asked = AIOKafkaClient(bootstrap_servers=self._servers)
        try:
            await asked.bootstrap()
        finally:
            await asked.close()

    def built(self, inlets: Mapping[str, Handler]) -> KafkaBroker:
        """FastStream's broker with a subscriber for each channel; nothing is connected."""
        broker = KafkaBroker(self._servers, logger=None, acks="all", enable_idempotence=True)
        for channel, handler in inlets.items():
            broker.subscriber(
                self._names.of(channel),
                group_id=self._names.prefix,
                batch=True,
                max_records=self._names.prefetch,
                auto_offset_reset="earliest",
                # The offset moves after the commit; after an error the batch is read again.
                ack_policy=AckPolicy.NACK_ON_ERROR,
                decoder=_bodies,
            )(_typed(handler))
        return broker

    async def publish(self, channel: str, messages: Sequence[Outgoing]) -> None:
        """See Broker."""
        if self._broker is None:
            raise BrokerAwayError("the broker is not connected")
        try:
            for message in messages:
                async with asyncio.timeout(_PATIENCE):
                    await self._broker.publish(
                        message.body,
                        self._names.of(channel),
                        key=message.key.encode() or None,
                        headers={**message.headers, "content-type": MEDIA_TYPE},
                    )
        except _AWAY as error:
            raise BrokerAwayError(f"the broker did not confirm: {error!r}") from error

    async def take_back(self, channel: str, ids: Set[str]) -> int:  # noqa: ARG002 - the protocol's
        """See Broker."""
        return 0

    async def stop(self) -> None:
        """See Broker."""
        if self._broker is not None:
            await self._broker.stop()
        self._broker = None


def _typed(handler: Handler) -> Handler:
    """FastStream reads the types of what it calls."""

    async def handle(arrived: list[bytes]) -> None:
        await handler(arrived)

    return handle


async def _bodies(message: StreamMessage[tuple[Any, ...]]) -> list[bytes]:
    return [each.value or b"" for each in message.raw_message]
