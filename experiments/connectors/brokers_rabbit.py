"""RabbitMQ. FastStream connects, declares and publishes; queues are read by `rabbit_reading` (see docs/adr).

One durable topic exchange is named like the prefix; each queue is bound to it with its own name as the routing key.
"""

import asyncio
from collections.abc import Mapping, Sequence, Set

import aiormq
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange

from experiments.connectors.brokers import MEDIA_TYPE, Handler, Names, Outgoing, away
from experiments.connectors.brokers_rabbit_reading import GONE, QueueReader
from experiments.errors import BrokerAwayError

_PATIENCE = 5.0
"""Seconds within which the broker must confirm."""

_AWAY = (AMQPError, ChannelInvalidStateError, *GONE)


class RabbitMq:
    """See Broker."""

    def __init__(self, url: str, names: Names) -> None:
        self._url, self._names = url, names
        self._exchange = RabbitExchange(names.prefix, type=ExchangeType.TOPIC, durable=True)
        self._broker: RabbitBroker | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, inlets: Mapping[str, Handler]) -> None:
        """See Broker."""
        broker = RabbitBroker(
            self._url,
            timeout=_PATIENCE,
            reconnect_interval=1.0,
            default_channel=Channel(on_return_raises=True),
            logger=None,
        )
        connecting = asyncio.create_task(broker.start())
        try:
            # Not cancelled, also not by a time limit of ours: what is cancelled while it connects goes on trying for
            # ever, unseen, and keeps the process from ending. It gives up by itself after its own time limit.
            await asyncio.shield(connecting)
            async with asyncio.timeout(_PATIENCE):
                await self._declare(broker)
        except asyncio.CancelledError:
            await asyncio.gather(connecting, return_exceptions=True)
            await broker.stop()
            raise
        except _AWAY as error:
            await broker.stop()
            raise away(self._url, error) from error
        self._broker = broker
        for channel, handler in inlets.items():
            reader = QueueReader(self._url, self._names.of(channel), self._names.prefetch, handler)
            self._readers.append(asyncio.create_task(reader.run(), name=f"winback-read-{channel}"))

    async def publish(self, channel: str, messages: Sequence[Outgoing]) -> None:
        """See Broker. A queue of ours must be there to take it; what others may listen to need not be heard."""
        if self._broker is None:
            raise BrokerAwayError("the broker is not connected")
        heard = channel in (*self._names.queues, *self._names.kept)
        try:
            for message in messages:  # one after the other: nothing overtakes what is not confirmed yet
                async with asyncio.timeout(_PATIENCE):
                    await self._publish(self._broker, channel, message, heard)
        except (*_AWAY, DeliveryError) as error:
            raise BrokerAwayError(f"the broker did not confirm: {error!r}") from error

    async def take_back(self, channel: str, ids: Set[str]) -> int:
        """See Broker. Others' messages go back to their places."""
        taken = 0
        try:
            connection = await aiormq.connect(self._url)
            try:
                reading = await connection.channel()
                queue = self._names.of(channel)
                waiting = (await reading.queue_declare(queue, passive=True)).message_count or 0
                for _ in range(waiting):
                    found = await reading.basic_get(queue)
                    if found.delivery_tag is None or not found.delivery_tag:
                        break
                    if found.header is not None and found.header.properties.message_id in ids:
                        await reading.basic_ack(found.delivery_tag)
                        taken += 1
            finally:
                await connection.close()
        except _AWAY as error:
            raise BrokerAwayError(f"the broker is away: {error}") from error
        return taken

    async def stop(self) -> None:
        """See Broker."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._broker is not None:
            await self._broker.stop()
        self._broker, self._readers = None, []

    async def _declare(self, broker: RabbitBroker) -> None:
        """A queue that is there stays as its owner made it (quorum, limits); a missing one is made durable."""
        await broker.declare_exchange(self._exchange)
        for channel in (*self._names.queues, *self._names.kept):
            await self._declare_queue(self._names.of(channel), channel)

    async def _declare_queue(self, queue: str, routing_key: str) -> None:
        connection = await aiormq.connect(self._url)
        try:
            try:
                declaring = await connection.channel()
                await declaring.queue_declare(queue, passive=True)
            except aiormq.ChannelNotFoundEntity:
                declaring = await connection.channel()
                await declaring.queue_declare(queue, durable=True)
            await declaring.queue_bind(queue, self._names.prefix, routing_key)
        finally:
            await connection.close()

    async def _publish(self, broker: RabbitBroker, channel: str, message: Outgoing, heard: bool) -> None:
        await broker.publish(
            message.body,
            exchange=self._exchange,
            routing_key=channel,
            mandatory=heard,
            persist=True,
            content_type=MEDIA_TYPE,
            message_id=message.id,
            headers=dict(message.headers),
        )
