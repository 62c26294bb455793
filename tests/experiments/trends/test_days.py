"""Days are added up once; no trend changes by it, whatever the time zone."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.days import day_of, day_of_hour, hours_of_day, start_of_day
from experiments.model.tables.trends import DailyRollup
from experiments.model.tables.workers import HourlyRollup, RollupMetric
from experiments.model.times import DAY, HOUR, to_datetime, to_rfc3339
from experiments.services.joining.draws import local_days
from experiments.services.summing_days import sum_days
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.designing.revisions import RevisionBook
from experiments.store.joining.matured import MATURED, Cursor, move_cursor
from experiments.store.rollups.hour_totals import sum_hours_anew
from experiments.store.rollups.tiers import metric_places
from experiments.views.trends import trend

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",  # half-hour offset; clocks changed at 00:01, in 1988 by two hours
    "America/Goose_Bay",  # whole hours; clocks changed at 00:01
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kathmandu",  # 45 minutes
    "Africa/Monrovia",  # 44 minutes and 30 seconds, until 1972
    "America/Havana",  # midnight comes twice on one date
    "Asia/Beirut",  # the hour before midnight comes twice
    "America/Sao_Paulo",  # midnight was skipped
    "Antarctica/Casey",  # three hours back across midnight
    "Antarctica/Vostok",  # seven hours back
    "Pacific/Apia",  # a date was skipped
]
FIRST = 480_000


@given(st.integers(0, 25_000), st.sampled_from(ZONES))
@example(12_722, "America/St_Johns")  # set back at 00:01: an hour began in the new date and ended in the old
@example(6_667, "America/St_Johns")  # set forward by two hours
@example(12_722, "America/Goose_Bay")
@example(14_672, "Antarctica/Casey")
@example(8_796, "Antarctica/Vostok")
@example(15_338, "Pacific/Apia")
def test_every_hour_is_in_one_day(day, name):
    zone = ZoneInfo(name)
    start, end = hours_of_day(day, zone)
    assert 0 <= end - start <= 31
    assert hours_of_day(day + 1, zone)[0] == end
    assert {day_of_hour(hour, zone) for hour in range(start, end)} <= {day}
    assert day_of_hour(start - 1, zone) < day < day_of_hour(end, zone)


@given(st.integers(0, 25_000 * DAY), st.integers(0, 3 * DAY), st.sampled_from(ZONES))
def test_days_follow_each_other(at, later, name):
    """A day begins once, days never go back, and none is more than a date behind the calendar on the wall."""
    zone = ZoneInfo(name)
    day = day_of(at, zone)
    assert day <= day_of(at + later, zone)
    assert start_of_day(day, zone) <= at < start_of_day(day + 1, zone)
    shown = to_datetime(at).astimezone(zone).toordinal() - to_datetime(0).toordinal()
    assert shown - day in (0, 1)


def test_where_a_day_begins() -> None:
    """Midnight; where it comes twice, the one after which the date stays; where it is skipped, what comes next."""
    begins = {
        ("Europe/Berlin", "2026-10-25"): "2026-10-24T22:00:00Z",
        ("America/St_Johns", "2004-10-31"): "2004-10-31T03:30:00Z",
        ("America/Havana", "2026-11-01"): "2026-11-01T04:00:00Z",
        ("America/Sao_Paulo", "2018-11-04"): "2018-11-04T03:00:00Z",
        ("Pacific/Apia", "2011-12-30"): "2011-12-30T10:00:00Z",
        ("Pacific/Apia", "2011-12-31"): "2011-12-30T10:00:00Z",
    }
    for (name, date), expected in begins.items():
        day = datetime.fromisoformat(date).toordinal() - to_datetime(0).toordinal()
        assert to_rfc3339(start_of_day(day, ZoneInfo(name))) == expected, (name, date)


@given(st.lists(st.integers(0, 40 * DAY), min_size=1, max_size=30), st.sampled_from(ZONES))
def test_days_of_many_rounds_are_those_of_each(offsets, name):
    at = 12_700 * DAY + np.array(offsets)
    zone = ZoneInfo(name)
    found = local_days(at, np.ones(len(at), dtype=np.int64), {1: name})
    assert found.tolist() == [day_of(one, zone) for one in at.tolist()]


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(available_timezones()))
def test_the_days_of_every_zone(name: str) -> None:
    zone = ZoneInfo(name)
    for day in range(25_000):
        start, end = hours_of_day(day, zone)
        if end - start != 24:
            assert {day_of_hour(hour, zone) for hour in range(start, end)} <= {day}
            assert day_of_hour(start - 1, zone) < day < day_of_hour(end, zone)


def fill(worker: WorkerContext, days: int, seed: int) -> int:
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
    with transaction(worker.engine) as session:
        connection = session.connection()
        connection.execute(insert(HourlyRollup), rows)
        metrics = [{"experiment_id": 1, "place": at, "name": name} for at, name in enumerate(("#decisions", "revenue"))]
        connection.execute(insert(RollupMetric), metrics)
        sum_hours_anew(connection, 1, metric_places(connection, 1))
    return FIRST + 24 * days


def reach(worker: WorkerContext, hour: int) -> None:
    with transaction(worker.engine) as session:
        move_cursor(session.connection(), 1, MATURED, Cursor(hour * HOUR, 0))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_adding_days_changes_no_trend(worker: WorkerContext, lease: Lease, zone: str) -> None:
    write_log(worker.engine, Shape(1, extra={"time_zone": zone}))
    last = fill(worker, 9, seed=3)
    asked = [("day", None), ("day", "s0"), ("hour", None)]
    spans = [(None, None), ((FIRST + 30) * HOUR, (FIRST + 100) * HOUR)]
    before = [trend(worker.engine, SYSTEM, "synthetic", by, part, span) for by, part in asked for span in spans]
    reach(worker, last)
    book = RevisionBook()
    added = 0
    while one := sum_days(worker.engine, book, lease, most=2):
        added += one
    assert 6 <= added <= 9
    after = [trend(worker.engine, SYSTEM, "synthetic", by, part, span) for by, part in asked for span in spans]
    whole = [place for place in range(len(after)) if spans[place % 2] == (None, None) or asked[place // 2][0] == "hour"]
    for place in whole:
        assert after[place] == before[place]
    assert sum(before[0]["variants"]["bandit"]["decisions"]) > 0


def test_a_day_is_added_only_once_the_joiner_is_past_it(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(1))
    fill(worker, 2, seed=4)
    reach(worker, FIRST + 24)
    assert sum_days(worker.engine, RevisionBook(), lease) == 0
    with reading(worker.engine) as session:
        assert session.exec(select(func.count()).select_from(DailyRollup)).scalar_one() == 0
    assert DAY == 24 * HOUR
