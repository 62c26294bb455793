"""What the worker's tests share."""

from collections.abc import Iterator

import pytest

from experiments.jobs import Desk
from experiments.settings import Settings
from experiments.store.lease import Lease


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    """A worker's place over a fresh database, without its clock."""
    desk = Desk(settings)
    yield desk
    desk.close()


@pytest.fixture
def lease(desk: Desk) -> Lease:
    """The lease, held by `desk`."""
    held = desk.leaseholder.hold()
    assert held is not None
    return held
