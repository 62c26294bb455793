"""The edge attacked from raw sockets: every answer is a documented one, the memory stays, and others are answered."""

import httpx
import psutil
import pytest

from benchmarks import attacks
from benchmarks.attacks import MEGABYTE, Attack
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from tests.faults.base import api_process

MOST_GROWTH = 150 * MEGABYTE
"""Many times what the attacks may leave, and a fraction of what they send."""
PATHS = ("/v1/users", "/v1/outcomes", "/v1/track", "/nowhere")
SMALL: list[Attack] = [
    *(attacks.header(size) for size in (1_000, 10_000, 40_000, MEGABYTE, 20 * MEGABYTE)),
    attacks.headers(10_000),
    attacks.address(100_000),
    *(attacks.announced(60_000_000, path) for path in PATHS),
    *(attacks.endless(60_000_000, path) for path in PATHS),
    attacks.bomb(200_000_000),
    *attacks.documents("x"),
]
LARGE: list[Attack] = [
    *(attacks.header(size * MEGABYTE) for size in (40, 100)),
    attacks.headers(1_000_000),
    attacks.address(40 * MEGABYTE),
    attacks.announced(1_000_000_000, "/v1/users"),
    attacks.endless(1_000_000_000, "/v1/users"),
    attacks.bomb(900_000_000),
]
HALVES = {
    "a head": b"GET / HTTP/1.1\r\nx: ",
    "a line": b"GE",
    "a body": b"POST /v1/outcomes HTTP/1.1\r\ncontent-length: 900\r\n\r\n{",
    "a chunk": b"POST /v1/track HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n90\r\n{",
}


class Victim:
    """A service in a process of its own."""

    def __init__(self, port: int, pid: int, key: str) -> None:
        self.port, self.key = port, key.encode()
        self._process = psutil.Process(pid)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"})

    def memory(self) -> int:
        return int(self._process.memory_info().rss)

    def connections(self) -> int:
        return sum(each.status == "ESTABLISHED" for each in self._process.net_connections())

    def close(self) -> None:
        self._client.close()

    def works(self) -> bool:
        answer = self._client.get("/v1/experiments/x")
        return answer.status_code == 200 and self._client.get("/healthz").json() == {"status": "alive"}

    def define(self) -> None:
        arms, policy = [{"key": "a"}, {"key": "b"}], {"name": "uniform"}
        definition = {"key": "x", "arms": arms, "variants": [{"key": "v", "share": 1, "policy": policy}]}
        assert self._client.post("/v1/experiments", json=definition).status_code == 201
        assert self._client.post("/v1/experiments/x/start").status_code == 200


@pytest.fixture
def victim(sqlite_url):
    engine = engine_for(Settings(database_url=sqlite_url, _env_file=None))
    key = create_key(engine, SYSTEM, "tests", SCOPES).key
    engine.dispose()
    quick = {"WINBACK_HEADER_TIMEOUT": "3", "WINBACK_BODY_TIMEOUT": "3"}
    with api_process(sqlite_url, **quick) as (port, process):
        victim = Victim(port, process.pid, key)
        victim.define()
        assert victim.works()
        yield victim
        victim.close()


def siege(victim: Victim, wanted: list[Attack], times: int) -> None:
    for each in wanted:  # what is loaded and kept once is no growth
        attacks.attack(victim.port, each, victim.key)
    before = victim.memory()
    for _ in range(times):
        for each in wanted:
            assert attacks.attack(victim.port, each, victim.key) in each.statuses, each.name
            assert victim.works()
            assert victim.memory() - before < MOST_GROWTH, each.name


def test_every_attack_is_answered_and_leaves_nothing(victim):
    siege(victim, SMALL, 1)


@pytest.mark.proof
def test_large_attacks_are_answered_and_leave_nothing(victim):
    siege(victim, [*SMALL, *LARGE], 5)


@pytest.mark.parametrize("count", [50, pytest.param(1_000, marks=pytest.mark.proof)])
def test_what_is_half_sent_is_answered_and_closed(victim, count):
    before, connections = victim.memory(), victim.connections()
    halves = [attacks.half_sent(victim.port, begun) for begun in HALVES.values() for _ in range(count)]
    assert victim.works()
    assert victim.memory() - before < MOST_GROWTH
    statuses = {attacks.status_of(each) for each in halves}
    for each in halves:
        each.close()
    assert statuses == {401, 408}  # who calls is asked before a body is read
    assert victim.works()
    assert victim.connections() <= connections + 1
