"""The database goes away: 503 with Retry-After within a second, and everything is well again when it is back."""

import select
import socket
import sqlite3
import threading
import time
from contextlib import suppress

import pytest
from sqlalchemy.engine import make_url

from experiments.settings import Settings
from experiments.store.core.engine import engine_for

LIMIT = 1.0
SLACK = 0.5
"""What a busy machine may add to the measurement."""


class Proxy:
    """Between the service and PostgreSQL: forwards, refuses, or keeps silent."""

    def __init__(self, url):
        self._target = url
        self._silent = threading.Event()
        self._open = []
        self._listener = None
        self.port = None
        self.listen()

    def listen(self):
        self._silent.clear()
        self._listener = socket.create_server(("127.0.0.1", self.port or 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self):
        """As where the server is stopped: connections break, and new ones are refused."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def keep_silent(self):
        """As where the machine is gone: nothing comes back, not even a refusal."""
        self._silent.set()

    def speak_again(self):
        self._silent.clear()
        self.hang_up()

    def hang_up(self):
        for each in self._open:
            each.close()
        self._open.clear()

    def _accept(self, listener):
        while True:
            try:
                inner, _ = listener.accept()
                outer = _connected(self._target)
            except OSError:
                return
            self._open += [inner, outer]
            threading.Thread(target=self._forward, args=(inner, outer), daemon=True).start()

    def _forward(self, inner, outer):
        peers = {inner: outer, outer: inner}
        with suppress(OSError, ValueError):
            while all(self._pass(ready, peers) for ready in select.select(list(peers), [], [], 0.05)[0]):
                pass
        for each in peers:
            each.close()

    def _pass(self, ready, peers):
        if self._silent.is_set():
            time.sleep(0.05)
            return True
        received = ready.recv(65_536)
        peers[ready].sendall(received)
        return bool(received)


def _connected(url):
    if url.host is not None:
        return socket.create_connection((url.host, url.port or 5432))
    outer = socket.socket(socket.AF_UNIX)
    outer.connect(f"{url.query['host']}/.s.PGSQL.{url.port or 5432}")
    return outer


@pytest.fixture
def proxied(postgres_url, serving, tmp_path):
    url = make_url(postgres_url)
    proxy = Proxy(url)
    through = url.set(host="127.0.0.1", port=proxy.port, query={}).render_as_string(hide_password=False)
    settings = Settings(database_url=through, data_dir=tmp_path / "history", _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        yield service, proxy
        proxy.hang_up()
    engine.dispose()


def _eventually_well(client):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if client.get("/v1/experiments").status_code == 200:
            return
        time.sleep(0.1)
    pytest.fail("the service did not recover by itself")


def _assert_away(call):
    started = time.monotonic()
    answer = call()
    took = time.monotonic() - started
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert took < LIMIT + SLACK, f"answered after {took:.2f} s"


@pytest.mark.service
@pytest.mark.parametrize("way", ["refuses", "keeps silent"])
def test_postgresql_goes_and_comes_back(proxied, campaign, way):
    service, proxy = proxied
    client = service.client
    assert client.post("/v1/experiments", json=campaign).status_code == 201
    proxy.refuse() if way == "refuses" else proxy.keep_silent()
    for _ in range(3):
        _assert_away(lambda: client.get("/v1/experiments"))
        _assert_away(lambda: client.patch("/v1/experiments/spring-winback", json={"name": "lost"}))
        _assert_away(lambda: client.get("/readyz"))
    assert client.get("/healthz").status_code == 200
    proxy.listen() if way == "refuses" else proxy.speak_again()
    _eventually_well(client)
    assert client.patch("/v1/experiments/spring-winback", json={"name": "found"}).json()["name"] == "found"
    assert client.get("/readyz").status_code == 200


@pytest.mark.service
def test_a_restart_goes_unnoticed_by_the_next_call(proxied):
    service, proxy = proxied
    assert service.client.get("/v1/experiments").status_code == 200
    proxy.hang_up()
    assert service.client.get("/v1/experiments").status_code == 200


def test_sqlite_is_locked_by_somebody_else(sqlite_url, serving, campaign):
    settings = Settings(database_url=sqlite_url, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        client = service.client
        client.post("/v1/experiments", json=campaign)
        other = sqlite3.connect(settings.sqlite_path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        _assert_away(lambda: client.patch("/v1/experiments/spring-winback", json={"name": "lost"}))
        assert client.get("/v1/experiments/spring-winback").json()["name"] == "Spring win-back"
        other.execute("ROLLBACK")
        other.close()
        assert client.patch("/v1/experiments/spring-winback", json={"name": "found"}).json()["name"] == "found"
    engine.dispose()
