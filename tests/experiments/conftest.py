"""What the worker's tests share."""

from collections.abc import Iterator

import pytest

from experiments.jobs import WorkerContext
from experiments.settings import Settings
from experiments.store.core.lease import Lease


@pytest.fixture
def worker(settings: Settings) -> Iterator[WorkerContext]:
    """A worker's place over a fresh database, without its clock."""
    worker = WorkerContext(settings)
    yield worker
    worker.close()


@pytest.fixture
def lease(worker: WorkerContext) -> Lease:
    """The lease, held by `worker`."""
    held = worker.leaseholder.hold()
    assert held is not None
    return held
