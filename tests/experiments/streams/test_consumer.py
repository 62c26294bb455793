"""The consumer against a real RabbitMQ: exactly once, committed before acknowledged, what is malformed kept apart."""

import asyncio
import random

import msgspec
import pytest
from sqlalchemy.exc import DataError

from benchmarks.broker_place import cloud_event, enveloped, malformed, outcome
from experiments.connectors.brokers import BROKERS, Names, Outgoing, open_broker
from experiments.errors import ConflictError, NotFoundError, UnavailableError
from experiments.ingestion import consumer
from experiments.ingestion.consumer import Intake
from experiments.ingestion.replaying import replay
from experiments.ingestion.streams import DEAD_LETTERS, STREAMS
from experiments.model.access.principal import SYSTEM
from experiments.services.dead_lettering import keep_dead_letters, replay_dead_letters
from experiments.store.recording.dead_letters import Letter
from experiments.views.dead_letters import dead_letters
from experiments.views.paging import Wanted

GOOD = {
    "outcomes": enveloped(outcome(1)),
    "profiles": enveloped({"unit_id": "u", "profile": {"orders": 3}}, kind="profile"),
    "catalogue": enveloped({"key": "bogo-5", "reward_amount": 5}, kind="arm"),
}
KEPT = {"outcomes": "outcomes", "profiles": "units", "catalogue": "catalogue_arms"}


class Deaf:
    """A broker that only takes note."""

    def __init__(self):
        self.published = []

    async def publish(self, channel, messages):
        self.published += [(channel, message) for message in messages]


def bodies(*documents):
    return [each if isinstance(each, bytes) else msgspec.json.encode(each) for each in documents]


def test_every_stream_has_an_example():
    assert set(GOOD) == set(KEPT) == set(STREAMS)


@pytest.mark.parametrize("stream", STREAMS)
def test_whatever_comes_twice_is_taken_once(engine, rows, stream):
    intake = Intake(stream, engine, Deaf())
    for _ in range(2):
        assert intake.take(bodies(GOOD[stream], GOOD[stream])) == []
    assert rows(f"SELECT count(*) FROM {KEPT[stream]}") == [(1,)]


@pytest.mark.parametrize("stream", STREAMS)
def test_one_bad_row_goes_alone_and_with_its_reason(engine, rows, stream):
    broker = Deaf()
    intake = Intake(stream, engine, broker)
    mixed = GOOD[stream] | {"data": [GOOD[stream]["data"], {"no": "such"}, 5, None, [], "x"]}
    asyncio.run(intake.handle(bodies(b"\xff", mixed, b"{}")))
    assert rows(f"SELECT count(*) FROM {KEPT[stream]}") == [(1,)]
    letters = dead_letters(engine, SYSTEM, Wanted())["items"]
    assert len(letters) == len(broker.published) == 7
    assert all(each["stream"] == stream and each["reason"] for each in letters)
    assert sum(each["reason"].startswith("row ") for each in letters) == 5
    assert {channel for channel, _ in broker.published} == {DEAD_LETTERS}
    assert {message.headers["x-reason"] for _, message in broker.published} == {each["reason"] for each in letters}


def test_a_cloud_event_names_its_outcome(engine, rows):
    single = {name: value for name, value in outcome(1).items() if name not in ("event_id", "source")}
    Intake("outcomes", engine, Deaf()).take(bodies(cloud_event(single, "ce-1"), cloud_event([outcome(2)], "ce-2")))
    found = rows("SELECT source, event_id FROM outcomes ORDER BY event_id")
    assert found == [("/shop", "ce-1"), ("shop", "e-2")]


def test_many_messages_are_one_commit(engine, monkeypatch):
    commits = []
    original = engine.dialect.do_commit
    monkeypatch.setattr(engine.dialect, "do_commit", lambda one: (commits.append(1), original(one)))
    Intake("outcomes", engine, Deaf()).take(bodies(*(enveloped(outcome(number)) for number in range(900))))
    assert len(commits) == 1


def test_what_no_database_keeps_is_found_among_others(engine, rows, monkeypatch):
    intake = Intake("outcomes", engine, Deaf())
    take = intake._taker.take

    def sensitive(envelopes):
        if any(b"e-3" in envelope.data for envelope in envelopes):
            raise DataError("insert", {}, ValueError("no such character"))
        return take(envelopes)

    monkeypatch.setattr(intake._taker, "take", sensitive)
    (letter,) = intake.take(bodies(*(enveloped(outcome(number)) for number in range(6))))
    assert b"e-3" in letter.body and "cannot be stored" in letter.reason
    assert rows("SELECT count(*) FROM outcomes") == [(5,)]


def test_a_database_that_is_away_is_waited_for(engine, rows, monkeypatch):
    monkeypatch.setattr(consumer, "FIRST_DELAY", 0.001)
    intake, attempts = Intake("outcomes", engine, Deaf()), []
    take = intake._taker.take

    def away(envelopes):
        attempts.append(len(envelopes))
        if len(attempts) < 5:
            raise UnavailableError("away")
        return take(envelopes)

    monkeypatch.setattr(intake._taker, "take", away)
    asyncio.run(intake.handle(bodies(enveloped(outcome(1)))))
    assert attempts == [1] * 5
    assert rows("SELECT count(*) FROM outcomes") == [(1,)]


@pytest.mark.service
def test_duplicates_disorder_and_malformed(place, consuming, rows):
    good = [enveloped(outcome(number), f"m-{number}") for number in range(300)]
    good += [enveloped([outcome(number) for number in range(300, 400)], "list")]
    bad = [malformed(number) for number in range(12)]
    messages = [*good, *good[:40], *(body for body, _ in bad)]
    random.Random(3).shuffle(messages)
    counts = "SELECT (SELECT count(*) FROM outcomes), (SELECT count(*) FROM dead_letters)"
    consuming({"outcomes": messages}, lambda: rows(counts) == [(400, 12)], place, 12)
    assert len(rows("SELECT DISTINCT source, event_id FROM outcomes")) == 400
    found = dict(asyncio.run(place.drain(f"{place.prefix}.{DEAD_LETTERS}")))
    for body, says in bad:
        assert says in found[body]["x-reason"]
        assert found[body]["x-stream"] == "outcomes"


@pytest.mark.service
def test_dead_letters_are_replayed_and_leave_the_queue(place, consuming, rows, streaming, engine):
    # A sender that was ahead of the service: what is unknown today may be known tomorrow.
    early = [{**enveloped(outcome(number)), "v": 2} for number in range(5)]
    consuming({"outcomes": early}, lambda: rows("SELECT count(*) FROM dead_letters") == [(5,)], place, 5)
    (first, *_), *_ = rows("SELECT id FROM dead_letters ORDER BY id")
    assert replay(streaming, engine, SYSTEM, [first]) == 1
    assert asyncio.run(place.waiting("outcomes")) == 1
    assert asyncio.run(place.waiting(DEAD_LETTERS)) == 4
    assert len(dead_letters(engine, SYSTEM, Wanted())["items"]) == 4
    waiting = "SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL"
    consuming({}, lambda: rows(waiting) == [(5,)], place, 5)
    assert replay(streaming, engine, SYSTEM, None) == 5
    assert replay(streaming, engine, SYSTEM, None) == 0
    assert len(dead_letters(engine, SYSTEM, Wanted(), replayed=True)["items"]) == 5


def test_a_letter_that_is_not_there_or_was_put_back_is_no_replay(engine):
    """And then none of those that were named is put back."""
    keep_dead_letters(engine, SYSTEM, [Letter("outcomes", b"first", "why"), Letter("outcomes", b"second", "why")])
    second, first = (each["id"] for each in dead_letters(engine, SYSTEM, Wanted())["items"])
    put: list[int] = []

    def send(letters):
        put.extend(each.id for each in letters)

    for unknown in ([99], [first, 99, 98]):
        with pytest.raises(NotFoundError, match=r"no dead letter.* 99"):
            replay_dead_letters(engine, SYSTEM, unknown, send)
    assert not put
    assert replay_dead_letters(engine, SYSTEM, [first], send) == 1
    with pytest.raises(ConflictError, match=f"put back already: dead letter {first};"):
        replay_dead_letters(engine, SYSTEM, [first, second], send)
    assert replay_dead_letters(engine, SYSTEM, None, send) == 1
    assert put == [first, second]


@pytest.mark.service
def test_nothing_is_taken_that_cannot_be_committed(place, streaming, monkeypatch):
    """Back-pressure: while a batch waits for the database, no more than the prefetch leaves the queue."""
    settings = streaming.model_copy(update={"broker_prefetch": 50})
    monkeypatch.setattr(Intake, "take", lambda *_: (_ for _ in ()).throw(UnavailableError("away")))

    async def work():
        await place.put("outcomes", *(enveloped(outcome(number)) for number in range(200)))
        stop = asyncio.Event()
        task = asyncio.create_task(consumer.consume(settings, stop))
        await asyncio.sleep(0.7)
        held = await place.waiting("outcomes")
        stop.set()
        await task
        return held, await place.waiting("outcomes")

    assert asyncio.run(work()) == (150, 200)


def test_every_broker_is_built_from_its_url():
    names = Names("p", ("outcomes",), (DEAD_LETTERS,), 10)
    for scheme in BROKERS:
        assert open_broker(f"{scheme}://127.0.0.1:1/", names) is not None
    with pytest.raises(ValueError, match="'mqtt' is none of"):
        open_broker("mqtt://127.0.0.1", names)


def test_a_broker_that_is_away_says_so():
    names = Names("p", (), (), 10)
    broker = open_broker("amqp://guest:guest@127.0.0.1:1/", names)
    with pytest.raises(UnavailableError):
        asyncio.run(broker.start({}))
    with pytest.raises(UnavailableError):
        asyncio.run(broker.publish("decisions", [Outgoing("1", b"{}")]))


def test_nothing_goes_on_connecting_behind_a_stop():
    """A broker that takes the call and never answers: stopping while it connects leaves no task behind."""
    names = Names("p", (), (), 10)

    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    async def work():
        async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
            host, port = silent.sockets[0].getsockname()
            before = asyncio.all_tasks()
            broker = open_broker(f"amqp://guest:guest@{host}:{port}/", names)
            starting = asyncio.create_task(broker.start({}))
            await asyncio.sleep(0.3)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            await asyncio.sleep(0)
            return {str(task.get_coro()) for task in asyncio.all_tasks() - before if not task.cancelling()}

    left = asyncio.run(work())
    assert not [name for name in left if "aio" in name or "connect" in name.lower()], left
