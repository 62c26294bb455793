"""Every tier holds the sums of the one below it, whatever the batches, and after adding up anew."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from benchmarks.synthetic_log import write_log
from experiments.jobs import Desk
from experiments.model.principal import SYSTEM
from experiments.model.times import SECOND, now
from experiments.services import rebuilding
from experiments.store.engine import transaction
from experiments.store.lease import Lease
from tests.experiments.cells.base import SHAPE, assert_hours_kept, assert_variants_kept

TIERS: dict[str, Callable[[Desk], None]] = {
    "rollup_hour_totals": assert_hours_kept,
    "rollup_variants": assert_variants_kept,
}


@pytest.mark.parametrize("batch", [37, 5_000])
@pytest.mark.parametrize("tier", TIERS)
def test_they_are_kept_batch_by_batch(desk: Desk, lease: Lease, batch: int, tier: str) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.batch = batch
    desk.joiner.run(lease, now())
    TIERS[tier](desk)


@pytest.mark.parametrize("tier", TIERS)
def test_they_are_added_up_anew(desk: Desk, lease: Lease, settings: object, tier: str) -> None:
    write_log(desk.engine, SHAPE)
    with transaction(desk.engine) as session:
        session.connection().execute(text(f"UPDATE experiments SET clock_now = {1_700_000_400 * SECOND}"))
    desk.joiner.run(lease, now())
    with transaction(desk.engine) as session:
        session.connection().execute(text(f"DELETE FROM {tier}"))
    desk.leaseholder.release()
    rebuilding.replace(settings, desk.engine, SYSTEM, "synthetic", lambda *_: None)
    TIERS[tier](desk)
    with transaction(desk.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = clock_now + 1000000000"))
    assert desk.joiner.run(desk.leaseholder.hold(), now()) > 100
    TIERS[tier](desk)
