"""The hot routes while the database is away: 503 with Retry-After within a second, nothing lost, well again soon."""

import sqlite3
import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from experiments.model.access.principal import SYSTEM
from experiments.services.verifying import verify
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading

LIMIT = 1.5
"""A second, and what a busy machine may add."""

DEFINITION = {
    "key": "e",
    "arms": [{"key": "a"}, {"key": "b"}],
    "variants": [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}],
}
PATH = "/v1/experiments/e/assignments"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OUTCOME = {"event_id": "1", "unit_id": "u", "kind": "click", "occurred_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def settings(database_url, tmp_path):
    """Settings as they are by default: the shared ones are patient, because tests run on busy machines."""
    return Settings(database_url=database_url, data_dir=tmp_path / "history", _env_file=None)


@pytest.fixture
def running(client):
    client.post("/v1/experiments", json=DEFINITION)
    client.post("/v1/experiments/e/start")
    return client


def is_away(call) -> None:
    began = time.monotonic()
    answer = call()
    took = time.monotonic() - began
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert took < LIMIT, f"answered after {took:.2f} s"


def recovers(client) -> None:
    deadline = time.monotonic() + 15
    while client.post(PATH, json={"unit_id": "after"}).status_code != 200:
        assert time.monotonic() < deadline, "the service did not recover by itself"
        time.sleep(0.05)


def hot_calls(client):
    yield lambda: client.post(PATH, json={"unit_id": "during"})
    yield lambda: client.post(f"{PATH}/batch", json=[{"unit_id": "during"}])
    yield lambda: client.post("/v1/outcomes", json=OUTCOME)


@ON_SQLITE
def test_sqlite_that_somebody_else_holds(running, settings) -> None:
    other = sqlite3.connect(settings.sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for call in hot_calls(running):
        is_away(call)
    other.execute("ROLLBACK")
    other.close()
    recovers(running)


@ON_SQLITE
def test_an_sqlite_file_that_was_taken_away_and_brought_back(running, settings) -> None:
    assert running.post(PATH, json={"unit_id": "before"}).json()["reason"] == "new"
    path = settings.sqlite_path
    moved = [(path.with_name(path.name + end), path.with_name("away" + end)) for end in ("", "-wal", "-shm")]
    for here, there in moved:
        here.rename(there)
    is_away(lambda: running.post(PATH, json={"unit_id": "during"}))
    for here, there in moved:
        here.unlink(missing_ok=True)
        there.rename(here)
    recovers(running)
    assert running.post(PATH, json={"unit_id": "before"}).json()["reason"] == "repeat"
    assert running.post(PATH, json={"unit_id": "during"}).json()["reason"] == "new"


@pytest.mark.service
def test_postgresql_connections_that_are_cut_under_load(serving, postgres_url, postgres_server, tmp_path) -> None:
    settings = Settings(database_url=postgres_url, data_dir=tmp_path / "history", _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        client = service.client
        client.post("/v1/experiments", json=DEFINITION)
        client.post("/v1/experiments/e/start")
        acknowledged, statuses = _ask_while_cutting(client, postgres_url, postgres_server)
        recovers(client)
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) > 50
    with reading(engine) as session:
        stored = dict(session.connection().execute(text("SELECT unit_id, arm FROM decisions")).all())
    assert acknowledged.items() <= stored.items()
    assert verify(engine, SYSTEM, "e").different == 0
    engine.dispose()


def _ask_while_cutting(client, postgres_url: str, server: str) -> tuple[dict[str, str], list[int]]:
    name, ended = postgres_url.rpartition("/")[2].partition("?")[0], threading.Event()

    def cut() -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            while not ended.wait(0.15):
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(query, (name,))

    cutter = threading.Thread(target=cut)
    cutter.start()
    acknowledged, statuses = {}, []
    try:
        for n in range(300):
            answer = client.post(PATH, json={"unit_id": f"u{n}"})
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                acknowledged[f"u{n}"] = answer.json()["arm"]
    finally:
        ended.set()
        cutter.join()
    return acknowledged, statuses
