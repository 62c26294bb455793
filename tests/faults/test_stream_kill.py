"""kill -9 of the consumer, a broker that goes away: every outcome is counted once, what is malformed is kept apart."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import msgspec
import pytest
from aiormq.exceptions import AMQPError
from sqlalchemy import Engine, text

from benchmarks.broker_place import Place, batched, enveloped, fill, malformed, outcome
from experiments.ingestion.streams import DEAD_LETTERS
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading
from tests.faults.base import environment_over

pytestmark = [pytest.mark.service, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[2]
IN_A_LIST = 20


@dataclass(frozen=True)
class Traffic:
    """What is sent: half of the outcomes one by one, half in lists; a tenth of the messages twice; all shuffled."""

    outcomes: int
    messages: list[bytes]
    bad: dict[bytes, str]

    @classmethod
    def of(cls, outcomes: int, seed: int) -> "Traffic":
        rows = [outcome(number, value=float(number)) for number in range(outcomes)]
        half = outcomes // 2
        good = [msgspec.json.encode(enveloped(row, str(place))) for place, row in enumerate(rows[:half])]
        good += [msgspec.json.encode(each) for each in batched(rows[half:], IN_A_LIST)]
        bad = dict(malformed(number) for number in range(outcomes // 100))
        rng = random.Random(seed)
        messages = [*good, *rng.choices(good, k=len(good) // 10), *bad]
        rng.shuffle(messages)
        return cls(outcomes, messages, bad)


class Link:
    """A relay to the broker on a port of its own: what passes can be cut, as if the broker had gone."""

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = True
        self._server = self._loop.run_until_complete(asyncio.start_server(self._relay, "127.0.0.1", 0))
        port = self._server.sockets[0].getsockname()[1]
        credentials, _, _ = self._there.netloc.rpartition("@")
        self.url = self._there._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Gone for a second."""
        self._open = False
        self._loop.call_soon_threadsafe(self._cut)
        sleep(1)
        self._open = True

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            self._cut()
            await asyncio.sleep(0.1)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(self._there.hostname, self._there.port or 5672)
        self._writers |= {writer, back}
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        self._writers -= {writer, back}


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


class Consumer:
    """`winback consume`, killed and started again."""

    def __init__(self, database: str, place: Place, prefetch: int) -> None:
        self._environment = environment_over(database) | {
            "WINBACK_BROKER_URL": place.url,
            "WINBACK_BROKER_PREFIX": place.prefix,
            "WINBACK_BROKER_PREFETCH": str(prefetch),
            "WINBACK_LOG_LEVEL": "ERROR",
        }
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "cli", "consume"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Its exit status after SIGTERM."""
        self._process.terminate()
        return self._process.wait(20)


@contextmanager
def queues(url: str) -> Iterator[Place]:
    place = Place(url)
    try:
        asyncio.run(place.waiting("outcomes"))
    except (AMQPError, OSError) as error:
        reason = f"no RabbitMQ answers: {error!r}"
        if os.environ.get("WINBACK_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield place
    finally:
        asyncio.run(place.delete())


def scalar(engine: Engine, query: str) -> int:
    with reading(engine) as session:
        return int(session.connection().execute(text(query)).scalar_one() or 0)


def wait_for(holds: Callable[[], bool], seconds: float, what: str, every: float = 0.005) -> None:
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline, f"{what}: not within {seconds} s"
        sleep(every)


@dataclass(frozen=True)
class Trial:
    """How much is sent, how often the consumer is killed, and how the broker goes away."""

    outcomes: int
    kills: int
    prefetch: int
    seconds: float


def prove(database: str, place: Place, restart: Callable[[], None], trial: Trial) -> None:
    """The whole story; `place` is where the consumer finds the broker."""
    traffic, direct = Traffic.of(trial.outcomes, seed=11), Place(prefix=place.prefix)
    queue = f"{place.prefix}.outcomes"
    asyncio.run(fill(queue, traffic.messages))
    engine = engine_for(Settings(database_url=database, _env_file=None), patient=True)
    consumer = Consumer(database, place, trial.prefetch)
    try:
        for kill in range(1, trial.kills + 1):
            mark = trial.outcomes * kill // (trial.kills + 1)
            wait_for(lambda: scalar(engine, "SELECT max(id) FROM outcomes") >= mark, trial.seconds, f"kill {kill}")  # noqa: B023 - asked at once
            consumer.kill()
            if kill == trial.kills // 2 + 1:
                consumer.start()
                sleep(2)
                restart()
            else:
                consumer.start()
        good = "SELECT count(*) FROM outcomes"
        wait_for(lambda: scalar(engine, good) >= trial.outcomes, trial.seconds, "all outcomes", every=0.3)
        wait_for(lambda: scalar(engine, "SELECT count(*) FROM dead_letters") >= len(traffic.bad), 60, "dead letters")
        wait_for(lambda: asyncio.run(direct.waiting("outcomes")) == 0, 60, "an empty queue")
        sleep(0.5)
        assert consumer.stop() == 0
        # What had not been acknowledged would be back in its queue now.
        assert asyncio.run(direct.waiting("outcomes")) == 0
        assert scalar(engine, good) == trial.outcomes
        assert scalar(engine, "SELECT count(DISTINCT event_id) FROM outcomes WHERE source = 'shop'") == trial.outcomes
        assert scalar(engine, "SELECT sum(value) FROM outcomes") == trial.outcomes * (trial.outcomes - 1) // 2
        assert scalar(engine, "SELECT count(DISTINCT digest) FROM dead_letters") == len(traffic.bad)
        found = dict(asyncio.run(direct.drain(f"{place.prefix}.{DEAD_LETTERS}")))
        assert found.keys() == traffic.bad.keys()
        assert [body for body, says in traffic.bad.items() if says not in str(found[body]["x-reason"])] == []
    finally:
        consumer.kill()
        engine.dispose()


@pytest.mark.parametrize(
    ("base", "trial"),
    [("postgres_url", Trial(100_000, 2, 500, 120)), ("sqlite_url", Trial(10_000, 2, 100, 60))],
    ids=["postgresql-a-tenth", "sqlite-a-hundredth"],
)
def test_some_with_two_kills_and_a_cut_line(base: str, trial: Trial, request: pytest.FixtureRequest) -> None:
    """The broker is others' too while the whole suite runs: the line to it is cut instead."""
    with queues(Place().url) as direct:
        link = Link(direct.url)
        try:
            prove(request.getfixturevalue(base), Place(link.url, direct.prefix), link.restart, trial)
        finally:
            link.close()


@pytest.mark.proof
def test_a_million_with_ten_kills_and_a_restarted_broker(postgres_url: str) -> None:
    """The broker itself is restarted: nobody else should be using it."""
    if shutil.which("rabbitmqctl") is None:
        pytest.skip("rabbitmqctl is not here: the broker cannot be restarted")

    def restart() -> None:
        for verb in ("stop_app", "start_app"):
            subprocess.run(["rabbitmqctl", "-q", verb], check=True, timeout=120)

    with queues(Place().url) as place:
        prove(postgres_url, place, restart, Trial(1_000_000, 10, 500, 900))
