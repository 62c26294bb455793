"""Publishing: every decision at least once, in order, whatever fails; everything else from the outbox."""

import asyncio
import random
from itertools import count, pairwise

import msgspec
import pytest
from sqlalchemy import delete, insert, select

from benchmarks.synthetic_log import Shape, write_log
from experiments.errors import BrokerAwayError
from experiments.jobs import JOBS, WorkerContext
from experiments.model.ids import first_id, public_id
from experiments.model.tables.core import Decision
from experiments.model.tables.messages import OutboxMessage
from experiments.model.tables.streams import StreamCursor
from experiments.model.times import HOUR, SECOND, now
from experiments.services.learning import publishing
from experiments.services.learning.publishing import Publishing
from experiments.store.core.engine import reading, transaction
from experiments.store.core.outbox import announce


class Heard:
    """What came out; `fail_after` messages the broker goes away."""

    def __init__(self):
        self.events, self.fail_after = [], None

    def __call__(self, messages):
        for channel, number, key, body in messages:
            if self.fail_after is not None:
                if not self.fail_after:
                    raise BrokerAwayError("away")
                self.fail_after -= 1
            event = msgspec.json.decode(body)
            assert (event["specversion"], event["id"]) == ("1.0", number)
            self.events.append((channel, key, event))

    @property
    def decisions(self):
        return [
            row["decision_id"] for channel, _, event in self.events if channel == "decisions" for row in event["data"]
        ]


@pytest.fixture
def decided(engine):
    """Store decisions whose ids were drawn at given instants."""
    write_log(engine, Shape(1), key="e", number=1)
    with transaction(engine) as session:
        pattern = dict(session.connection().execute(select(Decision.__table__)).one()._mapping)
        session.connection().execute(delete(Decision))
    place = count(1)

    def store(*instants):
        made = []
        with transaction(engine) as session:
            for instant in instants:
                number = first_id(instant) + next(place)
                session.connection().execute(
                    insert(Decision.__table__).values(
                        {**pattern, "id": number, "unit_id": f"u{number}", "idempotency_key": None}
                    )
                )
                made.append(public_id(number))
        return made

    return store


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def publisher(engine, heard, lease, monkeypatch):
    monkeypatch.setattr(publishing, "AT_ONCE", 40)
    monkeypatch.setattr(publishing, "IN_ONE", 7)
    return Publishing(engine, heard)


def begin(publisher, lease, monkeypatch, ago):
    """Set the cursor as it would have been set some time ago."""
    original = publishing.now
    monkeypatch.setattr(publishing, "now", lambda: original() - ago)
    monkeypatch.setattr(publishing, "oldest_writer", lambda _: original() - ago)
    assert publisher.decisions(lease) == 0
    monkeypatch.setattr(publishing, "now", original)
    monkeypatch.setattr(publishing, "oldest_writer", lambda _: original())


def drain(publisher, lease):
    total = 0
    while published := publisher.decisions(lease):
        total += published
    return total


def test_decisions_come_out_once_and_in_order(publisher, decided, heard, lease, monkeypatch):
    decided(now() - 3000 * SECOND)
    begin(publisher, lease, monkeypatch, 200 * SECOND)
    wanted = decided(*(now() - (150 - place) * SECOND for place in range(100)))
    assert drain(publisher, lease) == 100
    assert heard.decisions == wanted
    assert max(len(event["data"]) for _, _, event in heard.events) == 7
    assert drain(publisher, lease) == publisher.late_commits(lease) == 0
    row = heard.events[0][2]["data"][0]
    assert row["experiment"] == "e" and row["pmf"][row["arm"]] == pytest.approx(row["propensity"])


def test_what_was_drawn_just_now_waits(publisher, decided, heard, lease, monkeypatch):
    begin(publisher, lease, monkeypatch, 60 * SECOND)
    old, _ = decided(now() - 10 * SECOND, now())
    drain(publisher, lease)
    assert heard.decisions == [old]


def test_a_commit_under_way_holds_the_cursor_back(publisher, decided, heard, lease, monkeypatch):
    begin(publisher, lease, monkeypatch, 100 * SECOND)
    monkeypatch.setattr(publishing, "oldest_writer", lambda _: now() - 50 * SECOND)
    first, second = decided(now() - 60 * SECOND, now() - 40 * SECOND)
    drain(publisher, lease)
    assert heard.decisions == [first]
    slow = decided(now() - 45 * SECOND)
    monkeypatch.setattr(publishing, "oldest_writer", lambda _: now())
    drain(publisher, lease)
    assert heard.decisions == [first, *slow, second]


@pytest.mark.parametrize("seed", range(3))
def test_what_commits_behind_the_cursor_is_published_after_all(seed, publisher, decided, heard, lease, monkeypatch):
    rng = random.Random(seed)
    begin(publisher, lease, monkeypatch, 280 * SECOND)
    wanted = []
    for _ in range(6):
        wanted += decided(*(now() - rng.randint(30, 270) * SECOND for _ in range(rng.randint(1, 30))))
        drain(publisher, lease)
        publisher.late_commits(lease)
    monkeypatch.setattr(publishing, "oldest_writer", lambda _: now())
    drain(publisher, lease)
    publisher.late_commits(lease)
    assert set(heard.decisions) == set(wanted)
    assert publisher.late_commits(lease) == 0


def test_a_broker_that_goes_away_loses_nothing(publisher, decided, heard, lease, monkeypatch):
    begin(publisher, lease, monkeypatch, 200 * SECOND)
    wanted = decided(*(now() - (150 - place) * SECOND for place in range(100)))
    for fail_after in (0, 1, 3, 2):
        heard.fail_after = fail_after
        with pytest.raises(BrokerAwayError):
            drain(publisher, lease)
    heard.fail_after = None
    drain(publisher, lease)
    firsts = list(dict.fromkeys(heard.decisions))
    assert firsts == wanted
    assert len(heard.decisions) > len(wanted)


def test_the_outbox_keeps_the_order_of_a_subject(engine, publisher, heard, lease):
    for place in range(250):
        with transaction(engine) as session:
            announce(session, "alerts" if place % 3 else "changes", f"e{place % 2}", {"place": place})
    heard.fail_after = 120
    while True:
        try:
            if not publisher.outbox(lease):
                break
        except BrokerAwayError:
            heard.fail_after = None
    places = [event["data"]["place"] for _, _, event in heard.events]
    assert sorted(set(places)) == list(range(250))
    firsts = list(dict.fromkeys(places))
    for subject in range(2):
        assert all(low < high for low, high in pairwise(place for place in firsts if place % 2 == subject))
    with reading(engine) as session:
        assert session.connection().execute(select(OutboxMessage.id)).all() == []


def test_without_a_broker_the_outbox_is_kept_short(worker: WorkerContext, engine):
    with transaction(engine) as session:
        session.add(OutboxMessage(topic="alerts", subject="s", body={}, created_at=now() - 2 * HOUR))
        session.add(OutboxMessage(topic="alerts", subject="s", body={}, created_at=now()))
    assert JOBS["publish"].run(worker) == 0
    assert JOBS["late_commits"].run(worker) == 1


@pytest.mark.service
def test_the_worker_publishes_to_rabbitmq(streaming, place, engine, decided):
    heard = asyncio.run(place.listen("#"))
    worker = WorkerContext(streaming)
    try:
        JOBS["publish"].run(worker)
        with transaction(engine) as session:
            session.get(StreamCursor, "decisions").through -= 1 << 40
            announce(session, "alerts", "e", {"name": "n"})
        (number,) = decided(now() - 3 * SECOND)
        # One message and one decision.
        assert JOBS["publish"].run(worker) == 2
    finally:
        worker.close()
    events = [msgspec.json.decode(body) for body, _ in asyncio.run(place.drain(heard))]
    asyncio.run(place.delete([heard]))
    assert [event["type"] for event in events] == ["winback.alert.v1", "winback.decision.v1"]
    assert events[0]["data"] == {"name": "n"}
    assert events[1]["data"][0]["decision_id"] == number


@pytest.mark.service
def test_a_broker_that_is_away_holds_nobody_up(streaming, engine):
    worker = WorkerContext(streaming.model_copy(update={"broker_url": "amqp://guest:guest@127.0.0.1:1/"}))
    with transaction(engine) as session:
        announce(session, "alerts", "e", {"name": "n"})
    try:
        began = now()
        assert [JOBS["publish"].run(worker) for _ in range(5)] == [0] * 5
        assert now() - began < 5 * SECOND
    finally:
        worker.close()
