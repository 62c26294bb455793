"""Every tier holds the sums of the one below it, whatever the batches, and after adding up anew."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from benchmarks.synthetic_log import write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.times import SECOND, now
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.store.core.engine import transaction
from experiments.store.core.lease import Lease
from tests.experiments.cells.base import SHAPE, assert_hours_kept, assert_variants_kept

TIERS: dict[str, Callable[[WorkerContext], None]] = {
    "rollup_hour_totals": assert_hours_kept,
    "rollup_variants": assert_variants_kept,
}


@pytest.mark.parametrize("batch", [37, 5_000])
@pytest.mark.parametrize("tier", TIERS)
def test_they_are_kept_batch_by_batch(worker: WorkerContext, lease: Lease, batch: int, tier: str) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.batch = batch
    worker.joiner.run(lease, now())
    TIERS[tier](worker)


@pytest.mark.parametrize("tier", TIERS)
def test_they_are_added_up_anew(worker: WorkerContext, lease: Lease, settings: object, tier: str) -> None:
    write_log(worker.engine, SHAPE)
    with transaction(worker.engine) as session:
        session.connection().execute(text(f"UPDATE experiments SET clock_now = {1_700_000_400 * SECOND}"))
    worker.joiner.run(lease, now())
    with transaction(worker.engine) as session:
        session.connection().execute(text(f"DELETE FROM {tier}"))
    worker.leaseholder.release()
    rebuilding.replace(settings, worker.engine, SYSTEM, "synthetic", lambda *_: None)
    TIERS[tier](worker)
    with transaction(worker.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = clock_now + 1000000000"))
    assert worker.joiner.run(worker.leaseholder.hold(), now()) > 100
    TIERS[tier](worker)
