"""The hours of experiments over all segments, packed by day; see model.HourTotals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from experiments.store.core.bulk import is_sqlite

Floats = NDArray[np.float64]
Places = Mapping[str, int]

HOURS, STATISTICS = 24, 2
"""Of a day (UTC); rounds that are not zero and total."""

ROUNDS, TOTAL = 0, 1


class DayKey(NamedTuple):
    """Whose hours they are; `day` counts from 1970 in UTC."""

    day: int
    revision: int
    variant: str
    arm: str
    voided: int


class DayHours(NamedTuple):
    """Sums of shape (R, P, 2, 24) of the R `keys`."""

    keys: Sequence[DayKey]
    sums: Floats


NO_HOURS = DayHours([], np.zeros((0, 0, STATISTICS, HOURS)))

_COLUMNS = "day, revision, variant, arm, voided, sums"
_READ = f"""
SELECT {_COLUMNS} FROM rollup_hour_totals WHERE experiment_id = {{id}} AND day >= {{first}} AND day <= {{last}}
ORDER BY day, revision, variant, arm, voided
"""  # noqa: S608 - our names
_LAST_DAYS = """
SELECT DISTINCT day FROM rollup_hour_totals WHERE experiment_id = :id ORDER BY day DESC LIMIT :most
"""
_ONE_METRIC = """
SELECT variant, arm, voided, substr(sums, :start, :length) FROM rollup_hour_totals
WHERE experiment_id = :id AND day >= :first AND day <= :last
"""
_PUT = f"""
INSERT INTO rollup_hour_totals (experiment_id, {_COLUMNS}) VALUES ({{values}})
ON CONFLICT (experiment_id, day, revision, variant, arm, voided) DO UPDATE SET sums = excluded.sums
"""  # noqa: S608 - our names
_ANEW = """
SELECT hour, revision, variant, arm, voided, metric, sum(rounds), sum(total) FROM rollup_hourly
WHERE experiment_id = :id GROUP BY hour, revision, variant, arm, voided, metric
"""


def add_to_hours(connection: Connection, experiment_id: int, added: DayHours) -> None:
    """Add to what is stored. Only the holder of the lease writes here, so that nothing comes in between."""
    stored: dict[DayKey, bytes] = {}
    for day in sorted({key.day for key in added.keys}):
        known = _rows(connection, experiment_id, (day, day))
        stored.update((DayKey(*row[:-1]), row[-1]) for row in known)
    rows = []
    for key, sums in zip(added.keys, added.sums, strict=True):
        before = stored.get(key)
        rows.append((*key, sums + _unpacked([before], len(sums))[0] if before is not None else sums))
    _put(connection, experiment_id, rows)


def sum_hours_anew(connection: Connection, experiment_id: int, places: Places) -> None:
    """The sums of the hourly tier instead of what is stored."""
    connection.execute(text("DELETE FROM rollup_hour_totals WHERE experiment_id = :id"), {"id": experiment_id})
    found: dict[DayKey, Floats] = {}
    for hour, revision, variant, arm, voided, metric, rounds, total in connection.execute(
        text(_ANEW), {"id": experiment_id}
    ):
        key = DayKey(hour // HOURS, revision, variant, arm, int(voided))
        if key not in found:
            found[key] = np.zeros((len(places), STATISTICS, HOURS))
        found[key][places[metric], :, hour % HOURS] = rounds, total
    _put(connection, experiment_id, [(*key, sums) for key, sums in found.items()])


def read_hour_totals(connection: Connection, experiment_id: int, places: Places, hours: tuple[int, int]) -> DayHours:
    """Days with hours in [start, end), hours since 1970, in the order of their keys; other hours of them are zero."""
    start, end = hours
    found = _rows(connection, experiment_id, (start // HOURS, (end - 1) // HOURS))
    sums = _unpacked([row[-1] for row in found], len(places)).copy()
    keys = [DayKey(*row[:-1]) for row in found]
    days = np.array([key.day for key in keys], dtype=np.int64)
    sums[np.flatnonzero(days == start // HOURS), :, :, : start % HOURS] = 0.0
    sums[np.flatnonzero(days == end // HOURS), :, :, end % HOURS :] = 0.0
    return DayHours(keys, sums)


def last_days(connection: Connection, experiment_id: int, most: int) -> list[int]:
    """The newest days (since 1970, UTC) with matured decisions, newest first, at most so many."""
    return list(connection.execute(text(_LAST_DAYS), {"id": experiment_id, "most": most}).scalars())


def totals_of_days(
    connection: Connection, experiment_id: int, place: int, days: Sequence[int]
) -> list[tuple[str, str, bool, float]]:
    """(variant, arm, voided, total) by row of the given days, of the metric at `place`: no other is read."""
    start = place * STATISTICS * HOURS * 8 + TOTAL * HOURS * 8
    values = {"id": experiment_id, "first": min(days), "last": max(days), "start": start + 1, "length": HOURS * 8}
    found = connection.execute(text(_ONE_METRIC), values)
    return [
        (variant, arm, bool(voided), float(np.frombuffer(bytes(hours), dtype="<f8").sum()))
        for variant, arm, voided, hours in found
    ]


def _rows(
    connection: Connection, experiment_id: int, days: tuple[int, int]
) -> list[tuple[int, int, str, str, int, bytes]]:
    statement = _READ.format(id=int(experiment_id), first=int(days[0]), last=int(days[1]))
    # The driver's own rows: wrapping thousands of them takes as long as reading them.
    return list(connection.exec_driver_sql(statement).cursor.fetchall())


def _unpacked(packed: Sequence[bytes], metrics: int) -> Floats:
    """(R, P, 2, 24). Metrics met after a row was written are zero in it, and so are the bytes of 0.0."""
    width = metrics * STATISTICS * HOURS * 8
    whole = b"".join([bytes(row).ljust(width, b"\0") for row in packed])
    return np.frombuffer(whole, dtype="<f8").reshape(len(packed), metrics, STATISTICS, HOURS)


def _put(connection: Connection, experiment_id: int, rows: Sequence[tuple[object, ...]]) -> None:
    if not rows:
        return
    mark = "?" if is_sqlite(connection) else "%s"
    packed = [(experiment_id, *key, np.ascontiguousarray(sums, dtype="<f8").tobytes()) for *key, sums in rows]
    connection.exec_driver_sql(_PUT.format(values=", ".join([mark] * 7)), packed)
