"""The consumer's speed beside empty consumers: `python -m benchmarks.consumer [--postgres]`.

RabbitMQ, one outcome a message, all messages in their queue beforehand. Ours commits every outcome before it
acknowledges it; the empty ones count messages and acknowledge them together (FastStream: one by one, as it does). The
strictest of them is our own reader with nothing behind it. Every consumer reads as many messages, in the same run.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import aio_pika
import msgspec
import psycopg
import structlog
import uvloop
from faststream.rabbit import Channel, RabbitBroker
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

import migrations
from benchmarks.broker_place import URL, channel, fill
from benchmarks.synthetic_log import Shape, write_log
from experiments.connectors.brokers_rabbit_reading import QueueReader
from experiments.ingestion.consumer import Intake
from experiments.ingestion.streams import broker_of
from experiments.jobs.worker import spare_the_collector
from experiments.model.ids import public_id
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading

POSTGRES = os.environ.get("WINBACK_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
ASKED = 0.6
Reading = Callable[[str, int, asyncio.Event], Awaitable[object]]
"""Reads that many messages of a queue, then sets the event."""


@contextmanager
def database(postgres: bool) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    if not postgres:
        folder = tempfile.mkdtemp(prefix="winback-consumer-")
        yield f"sqlite:///{Path(folder) / 'winback.db'}"
        shutil.rmtree(folder)
        return
    name = f"winback_bench_{uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def bodies(count: int, ids: list[int]) -> Iterator[bytes]:
    """Messages of about 400 bytes; half of the outcomes name their decision, half a unit."""
    for number in range(count):
        named = {"decision_id": public_id(ids[number % len(ids)])} if number % 2 else {"unit_id": f"unit-{number}"}
        outcome = {
            "event_id": f"{uuid4()}",
            **named,
            "kind": "session",
            "value": 1.0,
            "occurred_at": "2026-01-01T00:00:00Z",
            "properties": {"page": "/offers/spring", "agent": "x" * 100},
        }
        yield msgspec.json.encode({"v": 1, "type": "outcome", "id": str(number), "source": "shop", "data": outcome})


class Counted:
    """Says when everything has come."""

    def __init__(self, count: int, done: asyncio.Event) -> None:
        self._left, self._done = count, done

    def __call__(self, messages: int) -> bool:
        """Note so many more; whether these were the last."""
        self._left -= messages
        if self._left <= 0:
            self._done.set()
        return self._left <= 0


async def own_reader(queue: str, count: int, done: asyncio.Event) -> object:
    """Our reader, nothing behind it."""
    counted = Counted(count, done)

    async def handle(arrived: list[bytes]) -> None:
        counted(len(arrived))

    return asyncio.create_task(QueueReader(URL, queue, 500, handle).run())


async def plain_aio_pika(queue: str, count: int, done: asyncio.Event) -> object:
    """aio-pika as its documentation shows it, but for acknowledging 100 at once."""
    connection = await aio_pika.connect_robust(URL)
    reading_channel = await connection.channel()
    await reading_channel.set_qos(500)
    counted, seen = Counted(count, done), 0

    async def note(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        nonlocal seen
        seen += 1
        if counted(1) or seen % 100 == 0:
            await message.ack(multiple=True)

    await (await reading_channel.get_queue(queue)).consume(note)
    return connection


async def plain_faststream(queue: str, count: int, done: asyncio.Event) -> object:
    """FastStream's own subscriber."""
    broker = RabbitBroker(URL, logger=None, default_channel=Channel(prefetch_count=500))
    counted = Counted(count, done)

    @broker.subscriber(queue)
    async def note(_: bytes) -> None:
        counted(1)

    await broker.start()
    return broker


def ours(settings: Settings, engine: Engine) -> Reading:
    """The consumer of `winback consume`."""

    async def read(queue: str, count: int, done: asyncio.Event) -> object:
        counted, intake = Counted(count, done), Intake("outcomes", engine, broker_of(settings))

        async def handle(arrived: list[bytes]) -> None:
            await intake.handle(arrived)
            counted(len(arrived))

        return asyncio.create_task(QueueReader(URL, queue, settings.broker_prefetch, handle).run())

    return read


async def speed(read: Reading, count: int, messages: Iterator[bytes]) -> float:
    """Messages/s, from connecting to the last acknowledgement."""
    queue, done = f"winback-bench-{uuid4().hex}", asyncio.Event()
    await fill(queue, messages)
    began = perf_counter()
    held = await read(queue, count, done)
    await done.wait()
    taken = perf_counter() - began
    await _let_go(held)
    async with channel() as deleting:
        await deleting.queue_delete(queue)
    return count / taken


async def _let_go(held: object) -> None:
    if isinstance(held, asyncio.Task):
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
    elif isinstance(held, RabbitBroker):
        await held.stop()
    elif isinstance(held, aio_pika.abc.AbstractConnection):
        await held.close()


async def measure(settings: Settings, engine: Engine, count: int, repeats: int) -> dict[str, list[float]]:
    """Messages/s of each consumer, turn by turn."""
    with reading(engine) as session:
        ids = [int(number) for (number,) in session.connection().execute(text("SELECT id FROM decisions"))]
    contestants: dict[str, Reading] = {
        "ours, committed": ours(settings, engine),
        "our reader, empty": own_reader,
        "aio-pika, empty": plain_aio_pika,
        "FastStream, empty": plain_faststream,
    }
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, read in contestants.items():
            speeds[name].append(await speed(read, count, bodies(count, ids)))
    return speeds


def report(speeds: dict[str, list[float]], kind: str, count: int, kept: int) -> str:
    """The figures as a table."""
    rows = [f"| {name} | {' | '.join(f'{each:,.0f}' for each in found)} |" for name, found in speeds.items()]
    own = speeds["ours, committed"]

    def ratio(name: str) -> float:
        return statistics.median(mine / theirs for mine, theirs in zip(own, speeds[name], strict=True))

    strictest = ratio("our reader, empty")
    return "\n".join(
        [
            f"RabbitMQ, {kind}, {count:,} messages a turn, one outcome each; messages/s.",
            "",
            f"| consumer | {' | '.join(f'turn {place + 1}' for place in range(len(own)))} |",
            f"|---|{'---|' * len(own)}",
            *rows,
            "",
            f"Ratio to our own reader, empty: **{strictest:.2f}** (asked: {ASKED}); to aio-pika, empty:"
            f" {ratio('aio-pika, empty'):.2f}; to FastStream, empty: {ratio('FastStream, empty'):.2f}.",
            f"Outcomes in the database: {kept:,}, as many as were acknowledged.",
        ]
    )


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    spare_the_collector()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with database(arguments.postgres) as url:
        migrations.upgrade(url)
        settings = Settings(database_url=url, broker_url=URL, _env_file=None)
        engine = engine_for(settings, patient=True)
        write_log(engine, Shape(5000))
        with reading(engine) as session:
            before = session.connection().execute(text("SELECT count(*) FROM outcomes")).scalar_one()
        speeds = uvloop.run(measure(settings, engine, arguments.messages, arguments.repeats))
        with reading(engine) as session:
            after = session.connection().execute(text("SELECT count(*) FROM outcomes")).scalar_one()
        engine.dispose()
    assert after - before == arguments.messages * arguments.repeats
    kind = "PostgreSQL" if arguments.postgres else "SQLite"
    print(report(speeds, kind, arguments.messages, after - before))


if __name__ == "__main__":
    main()
