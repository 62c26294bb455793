"""Tiers of rollups beside what they are the sums of."""

import numpy as np
import pytest
from sqlalchemy import text

from benchmarks.synthetic_log import Shape
from experiments.jobs import WorkerContext
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.cell_totals import CellTotals, read_cells, read_variants
from experiments.store.rollups.hour_totals import ROUNDS, TOTAL, read_hour_totals
from experiments.store.rollups.tiers import metric_places

SHAPE = Shape(700, repeats=2, forced=0.04, voided=0.06, segments=3)
FOREVER = 2**40
HOURLY = """
SELECT hour, revision, variant, arm, voided, metric, sum(rounds), sum(total) FROM rollup_hourly
WHERE experiment_id = :id AND hour >= :start AND hour < :end GROUP BY hour, revision, variant, arm, voided, metric
"""


def both(worker: WorkerContext, start: int = -FOREVER, end: int = FOREVER) -> tuple[dict, dict]:
    """(hour, revision, variant, arm, voided, metric) → rounds and total, from either tier."""
    with reading(worker.engine) as session:
        connection = session.connection()
        number = int(find(session, "synthetic").id or 0)
        rows = connection.execute(text(HOURLY), {"id": number, "start": start, "end": end})
        expected = {tuple(row[:6]): (int(row[6]), row[7]) for row in rows}
        places = metric_places(connection, number)
        kept = read_hour_totals(connection, number, places, (start, end))
    found = {
        (24 * key.day + hour, *key[1:], metric): (int(sums[place, ROUNDS, hour]), sums[place, TOTAL, hour])
        for key, sums in zip(kept.keys, kept.sums, strict=True)
        for metric, place in places.items()
        for hour in range(24)
        if sums[place, ROUNDS, hour]
    }
    return expected, found


def assert_hours_kept(worker: WorkerContext) -> None:
    expected, found = both(worker)
    assert expected
    assert expected.keys() == found.keys()
    for key, (rounds, total) in expected.items():
        assert found[key][0] == rounds
        assert found[key][1] == pytest.approx(total, rel=1e-12, abs=1e-9)


def by_variant(found: CellTotals) -> dict[tuple[int, str, int], tuple[np.ndarray, np.ndarray]]:
    sums: dict[tuple[int, str, int], tuple[np.ndarray, np.ndarray]] = {}
    for (revision, variant, _, _, voided), one, flat in zip(found.cells, found.sums, found.flat, strict=True):
        before = sums.get((revision, variant, voided), (0.0, 0.0))
        sums[revision, variant, voided] = (before[0] + one, before[1] + flat)
    return sums


def assert_variants_kept(worker: WorkerContext) -> None:
    with reading(worker.engine) as session:
        number = int(find(session, "synthetic").id or 0)
        cells, variants = (read(session.connection(), number) for read in (read_cells, read_variants))
    expected, found = by_variant(cells), by_variant(variants)
    assert len(cells.cells) > len(variants.cells) == len(found)
    assert expected.keys() == found.keys()
    for key, (sums, flat) in expected.items():
        np.testing.assert_allclose(found[key][0], sums, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(found[key][1], flat, rtol=1e-12, atol=1e-9)
