"""Days are added up once; no trend changes by it, whatever the time zone."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import Desk
from experiments.model.days import day_of_hour, hours_of_day
from experiments.model.principal import SYSTEM
from experiments.model.tables import DailyRollup, HourlyRollup, RollupMetric
from experiments.model.times import DAY, HOUR
from experiments.services.summing_days import sum_days
from experiments.store.engine import reading, transaction
from experiments.store.hour_totals import sum_hours_anew
from experiments.store.joining import MATURED, Cursor, move_cursor
from experiments.store.lease import Lease
from experiments.store.revisions import RevisionBook
from experiments.store.rollups import metric_places
from experiments.views.trends import trend

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]
FIRST = 480_000


@given(st.integers(0, 30_000), st.sampled_from(ZONES))
def test_every_hour_is_in_one_day(day, name):
    zone = ZoneInfo(name)
    start, end = hours_of_day(day, zone)
    assert 23 <= end - start <= 25
    assert hours_of_day(day + 1, zone)[0] == end
    assert {day_of_hour(hour, zone) for hour in range(start, end)} == {day}


def fill(desk: Desk, days: int, seed: int) -> int:
    """Hours of many days as the joiner leaves them; the last hour."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "experiment_id": 1,
            "hour": FIRST + hour,
            "revision": 1,
            "variant": variant,
            "arm": arm,
            "segment": segment,
            "voided": voided,
            "metric": metric,
            "rounds": int(rng.integers(1, 9)),
            "total": float(rng.integers(1, 50)),
        }
        for hour in range(24 * days)
        for variant in ("bandit", "uniform")
        for arm in ("arm-0", "arm-1")
        for segment in ("s0", "*")
        for voided in (0, 1)
        for metric in ("#decisions", "revenue")
        if rng.random() < 0.4
    ]
    with transaction(desk.engine) as session:
        connection = session.connection()
        connection.execute(insert(HourlyRollup), rows)
        metrics = [{"experiment_id": 1, "place": at, "name": name} for at, name in enumerate(("#decisions", "revenue"))]
        connection.execute(insert(RollupMetric), metrics)
        sum_hours_anew(connection, 1, metric_places(connection, 1))
    return FIRST + 24 * days


def reach(desk: Desk, hour: int) -> None:
    with transaction(desk.engine) as session:
        move_cursor(session.connection(), 1, MATURED, Cursor(hour * HOUR, 0))


@pytest.mark.parametrize("zone", ZONES[:2])
def test_adding_days_changes_no_trend(desk: Desk, lease: Lease, zone: str) -> None:
    write_log(desk.engine, Shape(1, extra={"time_zone": zone}))
    last = fill(desk, 9, seed=3)
    asked = [("day", None), ("day", "s0"), ("hour", None)]
    spans = [(None, None), ((FIRST + 30) * HOUR, (FIRST + 100) * HOUR)]
    before = [trend(desk.engine, SYSTEM, "synthetic", by, part, span) for by, part in asked for span in spans]
    reach(desk, last)
    book = RevisionBook()
    added = 0
    while one := sum_days(desk.engine, book, lease, most=2):
        added += one
    assert 6 <= added <= 9
    after = [trend(desk.engine, SYSTEM, "synthetic", by, part, span) for by, part in asked for span in spans]
    whole = [place for place in range(len(after)) if spans[place % 2] == (None, None) or asked[place // 2][0] == "hour"]
    for place in whole:
        assert after[place] == before[place]
    assert sum(before[0]["variants"]["bandit"]["decisions"]) > 0


def test_a_day_is_added_only_once_the_joiner_is_past_it(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, Shape(1))
    fill(desk, 2, seed=4)
    reach(desk, FIRST + 24)
    assert sum_days(desk.engine, RevisionBook(), lease) == 0
    with reading(desk.engine) as session:
        assert session.exec(select(func.count()).select_from(DailyRollup)).scalar_one() == 0
    assert DAY == 24 * HOUR
