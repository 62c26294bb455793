"""The dashboard's server from a raw socket: what a caller without an account could use up is bounded."""

import contextlib
import socket
import threading
import time

import pytest
from flask import Flask

from dashboard import serving
from experiments.forwarding import parse_networks

SIGN_IN = b"POST /sign-in HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def application():
    """An application that says how many bytes it was given."""
    server = Flask("small")
    server.add_url_rule("/<path:path>", view_func=lambda path: path, methods=["GET", "POST"])
    return server


@contextlib.contextmanager
def served(application, proxies=()):
    listening = socket.create_server(("127.0.0.1", 0))
    server = serving.Server(application, listening, proxies)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield listening.getsockname()
    server.close()
    thread.join(0.5)
    server.task_dispatcher.shutdown()


def connect(address):
    return socket.create_connection(address, timeout=30)


def answered(caller):
    """The status line, or nothing where the connection was closed."""
    with contextlib.suppress(ConnectionError):
        return caller.recv(4096).split(b"\r\n")[0]
    return b""


def asked(address, *parts):
    """The status line of what is sent in parts, however early the answer comes."""
    with connect(address) as caller:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                caller.sendall(part)
        return answered(caller)


def healthy(address):
    return b"200" in asked(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"], b"431"),
        ([b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 10_000 + b"\r\n"], b"431"),
        ([b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n"], b"431"),
        ([SIGN_IN + b"Content-Length: 60000000\r\n\r\n"], b"413"),
        ([SIGN_IN + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 100], b"413"),
        ([b"\0\xff" * 100 + b"\r\n\r\n"], b"400"),
        ([SIGN_IN + b"Content-Length: -1\r\n\r\n"], b"400"),
    ],
)
def test_what_is_too_large_or_no_request_is_refused(application, parts, status):
    with served(application) as address:
        assert status in asked(address, *parts)
        assert healthy(address)


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", SIGN_IN + b"Content-Length: 1000\r\n\r\n"])
def test_who_drips_is_closed_and_keeps_nobody_waiting(application, begun, monkeypatch):
    """waitress alone would wait for as long as bytes come."""
    monkeypatch.setattr(serving, "REQUEST_TIME", 0.5)
    with served(application) as address, connect(address) as slow:
        slow.sendall(begun)
        with pytest.raises(ConnectionError):
            while True:
                slow.sendall(b"a")
                assert healthy(address)
                time.sleep(0.05)


def test_what_comes_whole_is_answered_and_the_connection_stays(application, monkeypatch):
    monkeypatch.setattr(serving, "REQUEST_TIME", 0.5)
    with served(application) as address, connect(address) as caller:
        for _ in range(20):
            caller.sendall(SIGN_IN + b"Content-Length: 3\r\n\r\nabc")
            answer = b""
            while not answer.endswith(b"sign-in"):
                answer += caller.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.05)


def test_one_address_has_so_many_connections_and_a_stated_proxy_more(application, monkeypatch):
    monkeypatch.setattr(serving, "MOST_OF_ONE", 3)
    with served(application) as address, contextlib.ExitStack() as held:
        for _ in range(3):
            held.enter_context(connect(address)).sendall(SIGN_IN)
        assert asked(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    with served(application, parse_networks("127.0.0.1")) as address, contextlib.ExitStack() as held:
        for _ in range(10):
            held.enter_context(connect(address)).sendall(SIGN_IN)
        assert healthy(address)
