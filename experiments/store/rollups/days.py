"""The daily tier: finished days out of hours, and trends out of both."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text

from experiments.model.tables.trends import EVERYONE, DailyRollup
from experiments.store.core.bulk import insert_rows, is_sqlite

Row = tuple[int, str, str, int, str, float]
"""Slot of time (hours or days since 1970), variant, arm, voided, metric, total."""

_THROUGH = "SELECT through FROM daily_progress WHERE experiment_id = :id"
_MOVE = """
INSERT INTO daily_progress (experiment_id, through) VALUES (:id, :through)
ON CONFLICT (experiment_id) DO UPDATE SET through = excluded.through
"""
_FIRST_HOUR = "SELECT min(hour) FROM rollup_hourly WHERE experiment_id = :id"
_HOURS = """
SELECT hour, segment, variant, arm, voided, metric, rounds, total FROM rollup_hourly
WHERE experiment_id = :id AND hour >= :start AND hour < :end
"""
_SEGMENT_HOURS = """
SELECT hour, variant, arm, voided, metric, sum(total) FROM rollup_hourly
WHERE experiment_id = {0} AND segment = {0} AND hour >= {0} AND hour < {0}
GROUP BY hour, variant, arm, voided, metric
"""
_DAYS = """
SELECT day, variant, arm, voided, metric, total FROM rollup_daily
WHERE experiment_id = {0} AND segment = {0} AND day >= {0} AND day < {0}
"""
_FORGET = ("DELETE FROM rollup_daily WHERE experiment_id = :id", "DELETE FROM daily_progress WHERE experiment_id = :id")


def daily_through(connection: Connection, experiment_id: int) -> int | None:
    """The first day that is not in the daily tier; None before the first was added."""
    found: int | None = connection.execute(text(_THROUGH), {"id": experiment_id}).scalar()
    return found


def first_hour(connection: Connection, experiment_id: int) -> int | None:
    """The first hour with matured decisions."""
    found: int | None = connection.execute(text(_FIRST_HOUR), {"id": experiment_id}).scalar()
    return found


def days_of(
    connection: Connection, experiment_id: int, hours: tuple[int, int], day_of: Callable[[int], int]
) -> list[tuple[object, ...]]:
    """Rows of rollup_daily from the hours in [start, end), in the order of their keys.

    A segment that is itself named like the sum of all is left to the sum.
    """
    sums: defaultdict[tuple[object, ...], list[float]] = defaultdict(lambda: [0, 0.0])
    bounds = {"id": experiment_id, "start": hours[0], "end": hours[1]}
    for hour, segment, variant, arm, voided, metric, rounds, total in connection.execute(text(_HOURS), bounds):
        day = day_of(hour)
        for part in {segment, EVERYONE} if segment != EVERYONE else {EVERYONE}:
            place = sums[part, day, variant, arm, int(voided), metric]
            place[0] += rounds
            place[1] += total
    return [(experiment_id, *key, int(rounds), total) for key, (rounds, total) in sorted(sums.items())]


def put_days(connection: Connection, experiment_id: int, rows: Sequence[tuple[object, ...]], through: int) -> None:
    """Add finished days and say so."""
    names = tuple(column.name for column in DailyRollup.__table__.columns)  # type: ignore[attr-defined]
    insert_rows(connection, DailyRollup.__table__, names, rows)  # type: ignore[attr-defined]
    connection.execute(text(_MOVE), {"id": experiment_id, "through": through})


def forget_days(connection: Connection, experiment_id: int) -> None:
    """Empty the tier: the hours below it were put in order again."""
    for statement in _FORGET:
        connection.execute(text(statement), {"id": experiment_id})


def read_days(connection: Connection, experiment_id: int, segment: str | None, days: tuple[int, int]) -> list[Row]:
    """Finished days within [start, end)."""
    part = EVERYONE if segment is None else segment
    return _rows(connection, _DAYS, (experiment_id, part, *days))


def read_segment_hours(connection: Connection, experiment_id: int, segment: str, hours: tuple[int, int]) -> list[Row]:
    """Hours of one segment within [start, end)."""
    return _rows(connection, _SEGMENT_HOURS, (experiment_id, segment, *hours))


def _rows(connection: Connection, statement: str, values: tuple[object, ...]) -> list[Row]:
    mark = "?" if is_sqlite(connection) else "%s"
    # The driver's own rows: wrapping tens of thousands of them takes longer than reading them.
    return list(connection.exec_driver_sql(statement.format(mark), values).cursor.fetchall())
