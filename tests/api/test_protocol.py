"""The guarded HTTP protocol: what is valid passes however it is cut, what is not is refused before it is read."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from structlog.testing import capture_logs

from api.heads import MOST_HEADERS, MOST_URL_BYTES
from api.protocol import MOST_UNANSWERED
from api.serving import guarded
from experiments.settings import Settings
from tests.api.rawsocket import Caller, chunked, in_pieces, post, refused

LIMIT = 300_000
HEADS = 32_768
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Echo:
    """Answers with a digest of the body; `/deaf` without having read it, `/gate` once the gate is open."""

    def __init__(self) -> None:
        self.begun = 0
        self.disconnected = threading.Event()
        self.headers: list[tuple[bytes, bytes]] = []
        self.gate = threading.Event()

    async def __call__(self, scope, receive, send) -> None:
        self.begun += 1
        status, body, more = 200, b"", scope["path"] != "/deaf"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnected.set()
                return
            body += message["body"]
            more = message["more_body"]
        while scope["path"] == "/gate" and not self.gate.is_set():
            await asyncio.sleep(0.01)
        self.headers = list(scope["headers"])
        answer = hashlib.sha256(body).hexdigest().encode()
        head = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def run(echo) -> Iterator:
    """Starts a server with the settings given, and returns its port."""
    running = []

    def start(**changes) -> int:
        settings = Settings(max_body_bytes=LIMIT, max_header_bytes=HEADS, _env_file=None, **changes)
        config = uvicorn.Config(
            echo, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1, **guarded(settings)
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        running.append((server, thread))
        return server.servers[0].sockets[0].getsockname()[1]

    yield start
    echo.gate.set()
    for server, thread in running:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def port(run) -> int:
    return run()


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


BODIES = [b"", b"x", b"y" * 32_768, bytes(range(256)) * 1_100]


@pytest.mark.parametrize("cut", [1_000_000, 65_536, 32_769, 32_768, 1_460, 997])
@pytest.mark.parametrize("write", [post, lambda body: chunked(in_pieces(body, 4_096)), lambda body: chunked([body])])
def test_valid_bodies_pass_however_they_are_cut_and_the_connection_stays(port, cut, write):
    bodies = [body for body in BODIES if body or write is post]
    with Caller(port) as caller:
        for body in [*bodies, *bodies]:
            assert caller.send(*in_pieces(write(body), cut))
            answer = caller.answer()
            assert (answer.status, answer.body) == (200, digest(body))


@pytest.mark.parametrize("cut", [1_000_000, 32_768, 1_460, 997])
def test_pipelined_bodies_are_answered_in_order(port, cut):
    bodies = [BODIES[3], b"", BODIES[2], b"x", BODIES[3], BODIES[3]]
    whole = b"".join(post(body) for body in bodies) + chunked([b"z" * 70_000]) + GET
    with Caller(port) as caller:
        writer = threading.Thread(target=caller.send, args=in_pieces(whole, cut))
        writer.start()
        answers = [caller.answer() for _ in range(8)]
        writer.join()
    assert [answer.body for answer in answers] == [digest(body) for body in [*bodies, b"z" * 70_000, b""]]


def test_a_head_byte_by_byte_passes(port):
    with Caller(port) as caller:
        assert caller.send(*in_pieces(post(b"abc"), 1))
        assert caller.answer().body == digest(b"abc")


def test_small_chunks_pass(port):
    with Caller(port) as caller:
        assert caller.send(chunked(in_pieces(b"0123456789" * 2_000, 10)))
        assert caller.answer().body == digest(b"0123456789" * 2_000)


def test_a_trailer_is_no_header(port, echo):
    with Caller(port) as caller:
        caller.send(chunked([b"abc"], trailer=b"authorization: Bearer x\r\n"))
        assert caller.answer().status == 200
    assert b"authorization" not in dict(echo.headers)


@pytest.mark.parametrize("cut", [10_000_000, 32_768, 1_000])
@pytest.mark.parametrize("size", [40_000, 1_000_000])
def test_a_large_header_is_refused(port, echo, cut, size):
    answer = refused(port, *in_pieces(b"GET / HTTP/1.1\r\nx: " + b"a" * size + b"\r\n\r\n", cut))
    assert answer.status == 431
    assert "WINBACK_MAX_HEADER_BYTES" in answer.problem["detail"]
    assert echo.begun == 0


def test_the_limit_of_the_head_is_exact(port):
    first = b"GET / HTTP/1.1\r\n"
    with Caller(port) as caller:
        caller.send(first + b"x: " + b"a" * (HEADS - 6) + b"\r\n\r\n")
        assert caller.answer().status == 200
    assert refused(port, first + b"x: " + b"a" * (HEADS - 5) + b"\r\n\r\n").status == 431


def test_many_headers_are_refused(port):
    lines = [b"x%d: 1" % n for n in range(MOST_HEADERS)]
    with Caller(port) as caller:
        caller.send(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]))
        assert caller.answer().status == 200
    answer = refused(port, b"\r\n".join([b"GET / HTTP/1.1", *lines, b"y: 1", b"", b""]))
    assert (answer.status, answer.problem["detail"]) == (431, "101 headers; a request has at most 100")


@pytest.mark.parametrize("size", [MOST_URL_BYTES, 100_000])
def test_a_long_address_is_refused(port, size):
    assert refused(port, b"GET /" + b"a" * size + b" HTTP/1.1\r\n\r\n").problem["title"] == "Request-URI Too Long"


def test_blank_lines_without_end_are_refused(port):
    assert refused(port, b"\r\n" * 40_000).status == 431


@pytest.mark.parametrize("length", [LIMIT + 1, 60_000_000])
def test_a_body_that_is_announced_too_large_is_not_read(port, echo, length):
    head = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % length
    assert "300,000 bytes" in refused(port, head).problem["detail"]
    assert refused(port, head + b"a" * 100_000).status == 413
    assert echo.begun == 0


def test_a_body_in_chunks_is_refused_when_it_has_grown_too_large(port, echo):
    answer = refused(port, chunked([b"a" * 65_536] * 200))
    assert answer.status == 413
    assert echo.disconnected.wait(30)  # it learns so in a thread of its own, after the caller has its answer


def test_sixty_megabytes_are_not_read(port):
    with Caller(port) as caller:
        caller.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n")
        taken = 0
        while taken < 60 and caller.send(b"100000\r\n" + b"a" * 1_048_576 + b"\r\n"):
            taken += 1
    assert taken < 30


def test_one_byte_chunks_without_end_are_refused(port):
    endless = b"1;" + b"x" * 200 + b"\r\na\r\n"
    assert refused(port, chunked([])[:-5] + endless * 1_000).status == 400


def test_an_early_answer_is_not_followed_by_another(port):
    with Caller(port) as caller:
        caller.send(chunked([b"a" * 1_000], "/deaf")[:-5])
        assert caller.answer().status == 200
        caller.send(b"40000\r\n" + b"a" * 0x40000 + b"\r\n" + b"40000\r\n" + b"a" * 0x40000)
        assert caller.is_closed()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nx y: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: 1\r\n folded: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_problem(port, sent):
    answer = refused(port, sent)
    assert answer.status == 400
    assert "HTTP/1.1" in answer.problem["detail"]


def test_noise_is_counted_and_not_logged_line_by_line(port):
    with capture_logs() as lines:
        for _ in range(30):
            refused(port, b"noise\r\n\r\n")
    told = [line for line in lines if line["event"] == "connections refused"]
    assert [line["by_status"] for line in told] == [{"400": 1}]
    assert len(lines) == 1


def test_an_upgrade_is_not_taken_and_its_body_not_lost(port):
    head = b"HTTP/1.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
    answer = refused(port, b"GET / " + head + b"\r\n")
    assert (answer.status, answer.body) == (200, digest(b""))
    answer = refused(port, b"POST / " + head + b"content-length: 3\r\n\r\nabc")
    assert answer.status == 400
    assert "Upgrade" in answer.problem["detail"]


def test_a_refusal_waits_for_the_answers_before_it(port, echo):
    with Caller(port) as caller:
        caller.send(post(b"first", "/gate") + GET + post(b"", headers=[b"x: " + b"a" * 50_000]))
        echo.gate.set()
        assert caller.answer().body == digest(b"first")
        assert caller.answer().body == digest(b"")
        assert caller.answer().status == 431
        assert caller.is_closed()


def test_a_body_refused_in_the_queue_waits_too(port, echo):
    with Caller(port) as caller:
        caller.send(post(b"first", "/gate"), chunked([b"a" * 65_536] * 3)[:-5])
        echo.gate.set()
        assert caller.answer().body == digest(b"first")
        caller.send(b"40000\r\n" + b"a" * 0x40000 + b"\r\n")
        assert caller.answer().status == 413
        assert caller.is_closed()


def test_requests_that_are_not_answered_are_limited(port, echo):
    with Caller(port) as caller:
        caller.send(post(b"first", "/gate") + GET * 5_000)
        echo.gate.set()
        answers = [caller.answer() for _ in range(MOST_UNANSWERED + 1)]
        assert caller.is_closed()
    assert [answer.status for answer in answers] == [200] * MOST_UNANSWERED + [429]
    assert echo.begun == MOST_UNANSWERED


def test_a_head_that_does_not_end_is_answered(run):
    assert "headers took longer than 2 seconds" in refused(run(header_timeout=2), GET[:-1]).problem["detail"]


def test_a_body_that_does_not_end_is_answered(run, echo):
    answer = refused(run(body_timeout=0.2), post(b"abc")[:-1])
    assert answer.status == 408
    assert "body took longer" in answer.problem["detail"]
    assert echo.disconnected.wait(30)  # it learns so in a thread of its own, after the caller has its answer


def test_a_body_is_asked_for_where_the_caller_waits_for_that(port):
    with Caller(port) as caller:
        whole = post(b"abc", headers=[b"expect: 100-continue"])
        caller.send(whole[:-3])
        assert caller.answer().status == 100
        caller.send(whole[-3:])
        assert caller.answer().body == digest(b"abc")
    head = b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 60000000\r\n\r\n"
    assert refused(port, head).status == 413
