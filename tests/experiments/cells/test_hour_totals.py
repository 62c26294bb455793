"""Hours over all segments are those of the hourly tier, whatever the batches, and after adding up anew."""

import numpy as np
import pytest
from sqlalchemy import text

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import Desk
from experiments.model.principal import SYSTEM
from experiments.model.times import HOUR, SECOND, now
from experiments.services import rebuilding
from experiments.store.engine import reading, transaction
from experiments.store.experiments import find
from experiments.store.hour_totals import ROUNDS, TOTAL, read_hour_totals
from experiments.store.lease import Lease
from experiments.store.rollups import metric_places
from experiments.views.readout import Question, readout
from experiments.views.trends import trend

SHAPE = Shape(700, repeats=2, forced=0.04, voided=0.06, segments=3)
FOREVER = 2**40
HOURLY = """
SELECT hour, revision, variant, arm, voided, metric, sum(rounds), sum(total) FROM rollup_hourly
WHERE experiment_id = :id AND hour >= :start AND hour < :end GROUP BY hour, revision, variant, arm, voided, metric
"""


def both(desk: Desk, start: int = -FOREVER, end: int = FOREVER) -> tuple[dict, dict]:
    """(hour, revision, variant, arm, voided, metric) → rounds and total, from either tier."""
    with reading(desk.engine) as session:
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


def assert_kept(desk: Desk) -> None:
    expected, found = both(desk)
    assert expected
    assert expected.keys() == found.keys()
    for key, (rounds, total) in expected.items():
        assert found[key][0] == rounds
        assert found[key][1] == pytest.approx(total, rel=1e-12, abs=1e-9)


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
        session.connection().execute(text("DELETE FROM rollup_hour_totals"))
    desk.leaseholder.release()
    rebuilding.replace(settings, desk.engine, SYSTEM, "synthetic", lambda *_: None)
    assert_kept(desk)
    with transaction(desk.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = clock_now + 1000000000"))
    assert desk.joiner.run(desk.leaseholder.hold(), now()) > 100
    assert_kept(desk)


def test_any_hours_can_be_read_alone(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    hours = sorted({key[0] for key in both(desk)[0]})
    rng = np.random.default_rng(5)
    for _ in range(10):
        start, end = sorted(rng.integers(hours[0] - 30, hours[-1] + 30, 2).tolist())
        expected, found = both(desk, start, end)
        assert expected.keys() == found.keys()


def test_segments_of_a_span_add_up_to_everyone(desk: Desk, lease: Lease) -> None:
    """Everyone comes from one tier and a segment from the other: the parts make the whole."""
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    hours = sorted({key[0] for key in both(desk)[0]})
    start, end = hours[0] * HOUR, (hours[len(hours) // 2] + 1) * HOUR
    whole = readout(desk.engine, SYSTEM, "synthetic", Question(start=start, end=end))
    names = readout(desk.engine, SYSTEM, "synthetic")["segments"]
    parts = [readout(desk.engine, SYSTEM, "synthetic", Question(segment=s, start=start, end=end)) for s in names]
    for key, variant in whole["variants"].items():
        assert variant["decisions"] == sum(part["variants"].get(key, {"decisions": 0})["decisions"] for part in parts)
    line = trend(desk.engine, SYSTEM, "synthetic", "hour", None, (start, end))
    lines = [trend(desk.engine, SYSTEM, "synthetic", "hour", s, (start, end)) for s in names]
    for key, columns in line["variants"].items():
        counted = sum(sum(each["variants"].get(key, {"decisions": []})["decisions"]) for each in lines)
        assert sum(columns["decisions"]) == counted
