"""Kafka and NATS by URL: NATS is run, Kafka is built and no more."""

import asyncio
import gc
import os
from time import monotonic
from uuid import uuid4

import msgspec
import nats
import pytest
from nats.js import JetStreamContext
from nats.js.errors import APIError
from pydantic import ValidationError

from benchmarks.broker_place import enveloped, outcome
from experiments.connectors.brokers import BROKERS, Names, Outgoing, open_broker
from experiments.connectors.brokers_kafka import Kafka
from experiments.errors import BrokerAwayError
from experiments.ingestion.consumer import consume
from experiments.ingestion.streams import DEAD_LETTERS, STREAMS, broker_of
from experiments.settings import BROKER_SCHEMES, Settings

PullSubscription = JetStreamContext.PullSubscription
NATS_URL = os.environ.get("WINBACK_TEST_NATS_URL", "nats://127.0.0.1:4222")


@pytest.fixture
def stream_settings(settings):
    async def there():
        client = await nats.connect(NATS_URL, connect_timeout=2, allow_reconnect=False)
        await client.jetstream().account_info()
        await client.close()

    try:
        asyncio.run(there())
    except (nats.errors.Error, OSError) as error:
        reason = f"no NATS with JetStream answers at {NATS_URL}: {error!r}"
        if os.environ.get("WINBACK_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    prefix = f"winback-test-{uuid4().hex[:12]}"
    yield settings.model_copy(update={"broker_url": NATS_URL, "broker_prefix": prefix})

    async def delete():
        client = await nats.connect(NATS_URL)
        await client.jetstream().delete_stream(prefix)
        await client.close()

    asyncio.run(delete())


def test_the_settings_know_every_broker():
    assert set(BROKER_SCHEMES) == set(BROKERS)
    with pytest.raises(ValidationError, match="nats://"):
        Settings(broker_url="mqtt://127.0.0.1", _env_file=None)


@pytest.mark.parametrize(("scheme", "user"), [("kafka", ""), ("nats", "ana:geheim@")])
def test_a_broker_that_is_away_is_named_without_its_password(scheme, user, caplog, monkeypatch):
    monkeypatch.setattr(f"experiments.connectors.brokers_{scheme}._PATIENCE", 0.2)
    broker = open_broker(f"{scheme}://{user}127.0.0.1:1", Names("p", (), (), 1))
    with pytest.raises(BrokerAwayError) as told:
        asyncio.run(broker.start({}))
    assert f"no broker answers at {scheme}://127.0.0.1:1 (WINBACK_BROKER_URL)" in str(told.value)
    gc.collect()
    assert "Unclosed" not in caplog.text and "geheim" not in str(told.value)


@pytest.mark.service
def test_what_was_fetched_is_taken_whatever_the_next_fetch_says(stream_settings, rows, monkeypatch):
    """Every other fetch fails: what came with the one before must not wait until it is delivered again."""
    fetched, fetch = [], PullSubscription.fetch

    async def fails_in_between(self, *given, **named):
        if fetched and fetched[-1]:
            fetched.append(0)
            raise APIError(code=400, description="Bad Request")
        found = await fetch(self, *given, **named)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(PullSubscription, "fetch", fails_in_between)

    async def work():
        sender, stop = broker_of(stream_settings), asyncio.Event()
        await sender.start({})
        task = asyncio.create_task(consume(stream_settings, stop))
        for number in range(3):
            message = msgspec.json.encode(enveloped(outcome(number)))
            await sender.publish("outcomes", [Outgoing(str(number), message)])
            deadline = monotonic() + 20
            while rows("SELECT count(*) FROM outcomes") != [(number + 1,)]:
                assert monotonic() < deadline, fetched
                await asyncio.sleep(0.05)
        stop.set()
        async with asyncio.timeout(5):
            await task
            await sender.stop()

    asyncio.run(work())
    assert fetched.count(0) >= 2


@pytest.mark.service
def test_outcomes_through_nats_are_kept_once(stream_settings, rows):
    messages = [enveloped(outcome(number)) for number in range(40)] * 2 + [{"v": 2}]
    outgoing = [Outgoing(str(place), msgspec.json.encode(each)) for place, each in enumerate(messages)]
    counts = "SELECT (SELECT count(*) FROM outcomes), (SELECT count(*) FROM dead_letters)"

    async def work():
        sender, stop = broker_of(stream_settings), asyncio.Event()
        await sender.start({})
        await sender.publish("outcomes", outgoing)
        task = asyncio.create_task(consume(stream_settings, stop))
        deadline = monotonic() + 20  # less than what the server waits before it delivers again
        while rows(counts) != [(40, 1)]:
            assert monotonic() < deadline, rows(counts)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        client = await nats.connect(NATS_URL)
        jetstream = client.jetstream()
        state = await jetstream.consumer_info(
            stream_settings.broker_prefix, f"{stream_settings.broker_prefix}-outcomes"
        )
        letter = await jetstream.get_last_msg(
            stream_settings.broker_prefix, f"{stream_settings.broker_prefix}.{DEAD_LETTERS}"
        )
        await client.close()
        await asyncio.sleep(1.5)  # a fetch that finds nothing ends, too
        stop.set()
        async with asyncio.timeout(5):
            await task
            await sender.stop()
        return state, letter

    state, letter = asyncio.run(work())
    assert (state.num_pending, state.num_ack_pending) == (0, 0)
    assert letter.headers["x-stream"] == "outcomes"
    assert "Object missing" in letter.headers["x-reason"]


def test_kafka_is_built():
    async def handler(_):
        return None

    async def build():
        broker = Kafka("kafka://a:9092,b:9092", Names("p", tuple(STREAMS), (DEAD_LETTERS,), 500))
        return broker.built(dict.fromkeys(STREAMS, handler))

    built = asyncio.run(build())
    assert len(built.subscribers) == len(STREAMS)
