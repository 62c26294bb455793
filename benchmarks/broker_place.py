"""A part of a RabbitMQ for one measurement or test: queues under a prefix of its own, deleted at the end."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import aiormq
import msgspec
from aiormq.abc import AbstractChannel

URL = os.environ.get("WINBACK_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/")
QUEUES = ("outcomes", "profiles", "catalogue", "dead-letters")
_KEPT = aiormq.spec.Basic.Properties(delivery_mode=2)


@asynccontextmanager
async def channel(url: str = URL) -> AsyncIterator[AbstractChannel]:
    """A channel without confirms."""
    connection = await aiormq.connect(url)
    try:
        yield await connection.channel(publisher_confirms=False)
    finally:
        await connection.close()


async def fill(queue: str, messages: Iterable[bytes], url: str = URL) -> int:
    """Put persistent messages into a durable queue; how many."""
    count = 0
    async with channel(url) as filling:
        await filling.queue_declare(queue, durable=True)
        for body in messages:
            await filling.basic_publish(body, routing_key=queue, properties=_KEPT)
            count += 1
    return count


@dataclass(frozen=True)
class Place:
    """Where one service's queues are."""

    url: str = URL
    prefix: str = field(default_factory=lambda: f"winback-test-{uuid4().hex[:12]}")

    async def put(self, stream: str, *messages: object) -> None:
        """Messages into a stream's queue; what is not bytes is encoded."""
        bodies = [each if isinstance(each, bytes) else msgspec.json.encode(each) for each in messages]
        await fill(f"{self.prefix}.{stream}", bodies, self.url)

    async def waiting(self, stream: str) -> int:
        """How many messages the queue could deliver now."""
        async with channel(self.url) as looking:
            declared = await looking.queue_declare(f"{self.prefix}.{stream}", durable=True)
            return declared.message_count or 0

    async def drain(self, queue: str) -> list[tuple[bytes, dict[str, object]]]:
        """Body and headers of everything in a queue, taken out."""
        found: list[tuple[bytes, dict[str, object]]] = []
        async with channel(self.url) as looking:
            while (got := await looking.basic_get(queue, no_ack=True)).delivery_tag:
                header = got.header
                found.append((got.body, dict(header.properties.headers or {}) if header else {}))
        return found

    async def listen(self, routing_key: str) -> str:
        """A queue that gets what is published under a key from now on; its name."""
        queue = f"{self.prefix}.heard-{routing_key}"
        async with channel(self.url) as declaring:
            await declaring.exchange_declare(self.prefix, exchange_type="topic", durable=True)
            await declaring.queue_declare(queue, durable=True)
            await declaring.queue_bind(queue, self.prefix, routing_key)
        return queue

    async def delete(self, extra: Sequence[str] = ()) -> None:
        """Everything of it."""
        async with channel(self.url) as deleting:
            for queue in [*(f"{self.prefix}.{name}" for name in QUEUES), *extra]:
                await deleting.queue_delete(queue)
            await deleting.exchange_delete(self.prefix)


def outcome(number: int, **changes: object) -> dict[str, object]:
    """An outcome by unit."""
    event = {"event_id": f"e-{number}", "source": "shop", "unit_id": f"unit-{number}", "kind": "session"}
    return {**event, "occurred_at": "2026-01-01T00:00:00Z", **changes}


def enveloped(rows: object, number: str = "m", kind: str = "outcome") -> dict[str, object]:
    """Rows in our own envelope."""
    return {"v": 1, "type": kind, "id": number, "data": rows}


def cloud_event(rows: object, number: str = "m", kind: str = "outcome") -> dict[str, object]:
    """Rows in a CloudEvent."""
    return {"specversion": "1.0", "type": f"winback.{kind}.v1", "id": number, "source": "/shop", "data": rows}


def malformed(number: int) -> tuple[bytes, str]:
    """One of several kinds of messages that nobody can take, each body unique, and what its reason must say."""
    kinds = (
        (msgspec.json.encode(enveloped(outcome(number, kind=f"NO{number}"))), "regex"),
        (b"{" + str(number).encode(), "not JSON"),
        (msgspec.json.encode({**enveloped(outcome(number)), "v": 2}), "version 2"),
        (msgspec.json.encode(enveloped({"event_id": f"x-{number}", "kind": "session"})), "occurred_at"),
        (msgspec.json.encode(enveloped(outcome(number), kind="profile")), "type 'profile'"),
        (b"\xff\xfe" + str(number).encode(), "not JSON"),
    )
    return kinds[number % len(kinds)]


def batched(rows: Sequence[object], size: int) -> Iterator[dict[str, object]]:
    """Messages of `size` rows each."""
    for start in range(0, len(rows), size):
        yield enveloped(list(rows[start : start + size]), f"b-{start}")
