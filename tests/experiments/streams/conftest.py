"""A consumer over a fresh database and queues of its own."""

import asyncio
import os
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from aiormq.exceptions import AMQPError
from sqlalchemy import Engine, text

from benchmarks.broker_place import Place
from experiments.ingestion.consumer import consume
from experiments.ingestion.streams import DEAD_LETTERS
from experiments.settings import Settings
from experiments.store.core.engine import reading


@pytest.fixture
def place() -> Iterator[Place]:
    """Queues on the RabbitMQ that is there."""
    made = Place()
    try:
        asyncio.run(made.waiting("outcomes"))
    except (AMQPError, OSError) as error:
        reason = f"no RabbitMQ answers at {made.url}: {error!r}"
        if os.environ.get("WINBACK_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    yield made
    asyncio.run(made.delete())


@pytest.fixture
def streaming(settings: Settings, place: Place) -> Settings:
    """The settings with a broker in them."""
    return settings.model_copy(update={"broker_url": place.url, "broker_prefix": place.prefix})


@pytest.fixture
def consuming(streaming: Settings) -> Callable[..., None]:
    """Put messages, and consume until `done()` holds and so many dead letters are in their queue."""

    def run(messages: dict[str, list[Any]], done: Callable[[], bool], place: Place, dead: int) -> None:
        async def work() -> None:
            stop = asyncio.Event()
            for stream, bodies in messages.items():
                await place.put(stream, *bodies)
            task = asyncio.create_task(consume(streaming, stop))
            deadline = monotonic() + 90
            while not done() or await place.waiting(DEAD_LETTERS) != dead:
                assert monotonic() < deadline, "not consumed in time"
                await asyncio.sleep(0.02)
            stop.set()
            await task

        asyncio.run(work())

    return run


@pytest.fixture
def rows(engine: Engine) -> Callable[[str], list[tuple[Any, ...]]]:
    """What a query finds."""

    def found(query: str) -> list[tuple[Any, ...]]:
        with reading(engine) as session:
            return [tuple(row) for row in session.connection().execute(text(query))]

    return found
