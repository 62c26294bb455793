"""The timers of the guarded protocol, on a clock that only moves when it is told."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from api.heads import Limits
from api.protocol import LEAST_BODY_RATE, SEND_SECONDS, GuardedProtocol
from api.refusals import Refusals
from tests.api.rawsocket import chunked, post

LIMITS = Limits(head_bytes=32_768, body_bytes=1_000_000, head_seconds=10, body_seconds=30)
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HALF = b"POST / HTTP/1.1\r\ncontent-length: 900000\r\n\r\n"
FOR_EVER = 10_000


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time is told."""

    now = 0.0

    def time(self) -> float:
        return self.now

    async def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.5)
            for _ in range(6):
                await asyncio.sleep(0)


class Wire(asyncio.Transport):
    """What was written, and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.ended = b"", ""

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = self.ended or "aborted"

    def write_eof(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def statuses(self) -> list[int]:
        return [int(each[:3]) for each in self.written.split(b"HTTP/1.1 ")[1:]]


class Line:
    """A connection to an application that reads the body, and answers once the gate is open."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.wire = clock, Wire()
        self.gate = asyncio.Event()
        self.gate.set()
        config = uvicorn.Config(self._application, interface="asgi3", lifespan="off", log_config=None)
        self._protocol = GuardedProtocol(config, ServerState(), {}, clock, limits=LIMITS, refusals=Refusals())
        self._protocol.connection_made(self.wire)

    async def send(self, data: bytes, wait: float = 0.0) -> None:
        """Unless the service has hung up; then let some time go by."""
        if not self.wire.ended:
            self._protocol.data_received(data)
        await self.clock.wait(wait)

    def stop_taking(self) -> None:
        self._protocol.pause_writing()

    def take_again(self) -> None:
        self._protocol.resume_writing()

    def hang_up(self) -> None:
        self._protocol.connection_lost(None)

    async def _application(self, scope, receive, send) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message["more_body"]
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def clock() -> Iterator[Clock]:
    loop = Clock()
    yield loop
    loop.close()


def on(clock: Clock, scenario) -> Line:
    """The line after what happened on it."""

    async def run() -> Line:
        line = Line(clock)
        await scenario(line)
        line.hang_up()
        await clock.wait(1)
        return line

    return clock.run_until_complete(run())


@pytest.mark.parametrize(
    ("sent", "at", "statuses"),
    [
        (b"", 10, []),
        (b"G", 10, [408]),
        (b"\r\n", 10, [408]),
        (GET[:-1], 10, [408]),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 900, 10, [408]),
        (post(b"abc")[:-1], 30, [408]),
        (chunked([b"abc"])[:-1], 30, [408]),
        (GET, 5, [200]),
        (GET + GET, 5, [200, 200]),
        (GET + GET[:-1], 5, [200]),
        (GET + post(b"abc")[:-1], 30, [200, 408]),
    ],
)
def test_what_is_begun_is_waited_for_until_its_time_is_up(clock, sent, at, statuses):
    async def scenario(line):
        await line.send(sent, at - 1) if sent else await clock.wait(at - 1)
        assert not line.wire.ended
        assert 408 not in line.wire.statuses()
        await clock.wait(1 + 3)  # the time to let the rest go by is part of it
        assert line.wire.ended
        assert line.wire.statuses() == statuses

    on(clock, scenario)


@pytest.mark.parametrize(("begin", "seconds"), [(b"GET / HTTP/1.1\r\nx: ", 10), (HALF, 30)])
def test_a_byte_a_second_gives_no_more_time(clock, begin, seconds):
    async def scenario(line):
        await line.send(begin)
        for _ in range(seconds + 4):
            await line.send(b"a", 1)
        assert line.wire.statuses() == [408]
        assert line.wire.ended

    on(clock, scenario)


def test_a_slow_body_at_a_fair_rate_passes(clock):
    async def scenario(line):
        await line.send(HALF)
        for _ in range(100):
            await line.send(b"a" * 9_000, 9_000 / LEAST_BODY_RATE)
        assert line.wire.statuses() == [200]

    on(clock, scenario)


def test_who_waits_for_the_service_is_not_too_slow(clock):
    async def scenario(line):
        line.gate.clear()
        await line.send(GET + post(b"abc")[:-1], 200)
        assert line.wire.statuses() == []
        line.gate.set()
        await clock.wait(1)
        await line.send(b"c", 1)
        assert line.wire.statuses() == [200, 200]

    on(clock, scenario)


def test_a_connection_in_use_is_timed_anew_for_every_request(clock):
    async def scenario(line):
        for _ in range(20):
            await line.send(GET[:9], 4)
            await line.send(GET[9:] + HALF, 20)
            await line.send(b"a" * 900_000, 4)
        assert line.wire.statuses() == [200] * 40
        assert not line.wire.ended

    on(clock, scenario)


def test_an_answer_that_nobody_takes_is_given_up(clock):
    async def scenario(line):
        await line.send(HALF)
        for _ in range(3):
            line.stop_taking()
            await line.send(b"a" * 100_000, 20)
            line.take_again()
        assert not line.wire.ended
        line.stop_taking()
        await clock.wait(SEND_SECONDS)
        assert line.wire.ended == "aborted"

    on(clock, scenario)


def test_no_timer_outlives_its_connection(clock):
    async def scenario(line):
        await line.send(HALF)
        line.stop_taking()
        line.hang_up()
        await clock.wait(FOR_EVER / 20)
        assert line.wire.written == b""

    on(clock, scenario)


REQUESTS = st.lists(
    st.one_of(
        st.just(GET),
        st.binary(max_size=70_000).map(post),
        st.integers(1, 20).map(lambda count: chunked([bytes(999)] * count)),
        st.integers(1, 30_000).map(lambda size: post(b"x", headers=[b"x: " + b"a" * size])),
    ),
    min_size=1,
    max_size=12,
)


@given(REQUESTS, st.randoms(use_true_random=False))
def test_no_valid_request_is_refused_for_how_it_is_cut(requests, chance):
    whole = b"".join(requests)
    cuts = sorted(chance.sample(range(len(whole)), min(len(whole), chance.randrange(60))))
    waits = [0.0, 0.5] if len(cuts) < 18 else [0.0]  # never as long as a head may take

    async def scenario(line):
        for start, end in pairwise([0, *cuts, len(whole)]):
            await line.send(whole[start:end], chance.choice(waits))
        await line.clock.wait(4)
        assert line.wire.statuses() == [200] * len(requests)

    with closing(Clock()) as clock:
        on(clock, scenario)
