"""The totals of variants are those of their cells, whatever the batches, and after adding up anew."""

import numpy as np
import pytest
from sqlalchemy import text

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import Desk
from experiments.model.principal import SYSTEM
from experiments.model.times import SECOND, now
from experiments.services import rebuilding
from experiments.store.cell_totals import CellTotals, read_cells, read_variants
from experiments.store.engine import reading, transaction
from experiments.store.experiments import find
from experiments.store.lease import Lease
from experiments.views.arm_values import arm_values
from experiments.views.readout import readout

SHAPE = Shape(700, repeats=2, forced=0.04, voided=0.06, segments=3)


def by_variant(found: CellTotals) -> dict[tuple[int, str, int], tuple[np.ndarray, np.ndarray]]:
    sums: dict[tuple[int, str, int], tuple[np.ndarray, np.ndarray]] = {}
    for (revision, variant, _, _, voided), one, flat in zip(found.cells, found.sums, found.flat, strict=True):
        before = sums.get((revision, variant, voided), (0.0, 0.0))
        sums[revision, variant, voided] = (before[0] + one, before[1] + flat)
    return sums


def assert_kept(desk: Desk) -> None:
    with reading(desk.engine) as session:
        number = int(find(session, "synthetic").id or 0)
        cells, variants = (read(session.connection(), number) for read in (read_cells, read_variants))
    expected, found = by_variant(cells), by_variant(variants)
    assert len(cells.cells) > len(variants.cells) == len(found)
    assert expected.keys() == found.keys()
    for key, (sums, flat) in expected.items():
        np.testing.assert_allclose(found[key][0], sums, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(found[key][1], flat, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("batch", [37, 5_000])
def test_they_are_kept_batch_by_batch(desk: Desk, lease: Lease, batch: int) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.batch = batch
    desk.joiner.run(lease, now())
    assert_kept(desk)


def test_they_are_added_up_anew(desk: Desk, lease: Lease, settings: object) -> None:
    write_log(desk.engine, SHAPE)
    with transaction(desk.engine) as session:
        session.connection().execute(text(f"UPDATE experiments SET clock_now = {1_700_000_400 * SECOND}"))
    desk.joiner.run(lease, now())
    with transaction(desk.engine) as session:
        session.connection().execute(text("DELETE FROM rollup_variants"))
    desk.leaseholder.release()
    rebuilding.replace(settings, desk.engine, SYSTEM, "synthetic", lambda *_: None)
    assert_kept(desk)
    with transaction(desk.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = clock_now + 1000000000"))
    assert desk.joiner.run(desk.leaseholder.hold(), now()) > 100
    assert_kept(desk)


def test_values_of_arms_are_the_readouts(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    found, whole = arm_values(desk.engine, SYSTEM, "synthetic"), readout(desk.engine, SYSTEM, "synthetic")
    assert found["metric"] == whole["objective"]
    assert found["arms"]
    for arm, adjusted in found["arms"].items():
        assert adjusted == whole["arms"][arm]["metrics"][found["metric"]]["adjusted"]
