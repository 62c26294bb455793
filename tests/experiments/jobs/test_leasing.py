"""One worker at a time: taking, holding, losing and releasing the lease."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import text

from experiments.errors import LeaseLostError
from experiments.jobs import WorkerContext
from experiments.model.times import now
from experiments.settings import Settings
from experiments.store.core.engine import transaction
from experiments.store.core.lease import fenced


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, data_dir=tmp_path / "history", lease_seconds=0.5, _env_file=None)


@pytest.fixture
def workers(settings: Settings) -> Iterator[tuple[WorkerContext, WorkerContext]]:
    pair = WorkerContext(settings), WorkerContext(settings)
    yield pair
    for worker in pair:
        worker.close()


def test_only_one_holds_it(workers: tuple[WorkerContext, WorkerContext]) -> None:
    first, second = workers
    lease = first.leaseholder.hold()
    assert lease is not None
    assert second.leaseholder.hold() is None
    assert first.leaseholder.hold() == lease


def test_a_released_lease_is_free_at_once(workers: tuple[WorkerContext, WorkerContext]) -> None:
    first, second = workers
    assert first.leaseholder.hold() is not None
    first.leaseholder.release()
    assert second.leaseholder.hold() is not None


def test_holding_renews_it(workers: tuple[WorkerContext, WorkerContext]) -> None:
    first, second = workers
    until = monotonic() + 1.2
    while monotonic() < until:
        assert first.leaseholder.hold() is not None
        assert second.leaseholder.hold() is None
        sleep(0.1)


def die(worker: WorkerContext) -> None:
    """What is left of a process that was killed: its connections are gone, its row stays."""
    worker.leaseholder.lost()


def test_a_dead_holder_is_succeeded_within_the_lease(workers: tuple[WorkerContext, WorkerContext]) -> None:
    first, second = workers
    old = first.leaseholder.hold()
    die(first)
    began = monotonic()
    while (new := second.leaseholder.hold()) is None:
        sleep(0.02)
    assert monotonic() - began < 0.6
    assert new.token == old.token + 1
    with pytest.raises(LeaseLostError), fenced(first.engine, old):
        pass
    with fenced(second.engine, new):
        pass


def test_a_superseded_worker_writes_nothing_and_waits(workers: tuple[WorkerContext, WorkerContext]) -> None:
    first, second = workers
    old = first.leaseholder.hold()
    with transaction(second.engine) as session:
        values = {"until": now() + 10**9}
        session.connection().execute(text("UPDATE worker_leases SET token = token + 1, expires_at = :until"), values)
    with pytest.raises(LeaseLostError), fenced(first.engine, old) as session:
        session.connection().execute(text("DELETE FROM worker_leases"))
    assert first.under_lease(lambda lease: first.joiner.run(lease, now())) == 0
    sleep(0.2)
    assert first.under_lease(_writes(first)) == 0
    with transaction(second.engine) as session:
        assert session.connection().execute(text("SELECT count(*) FROM worker_leases")).scalar_one() == 1


def _writes(worker: WorkerContext) -> object:
    def work(lease: object) -> int:
        with fenced(worker.engine, lease):
            return 1

    return work
