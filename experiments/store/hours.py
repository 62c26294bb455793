"""The hourly tier as a readout reads it."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

Hours = Sequence[tuple[int, int, str, str, str, int, str, int, float]]
"""(hour, revision, variant, arm, segment, voided, metric, rounds that are not zero, total)."""

_HOURS = """
SELECT hour, revision, variant, arm, {segment} AS part, voided, metric, sum(rounds), sum(total) FROM rollup_hourly
WHERE experiment_id = :id AND hour >= :start AND hour < :end {only}
GROUP BY hour, revision, variant, arm, part, voided, metric
"""
_FOREVER = 2**62


def read_hours(
    connection: Connection, experiment_id: int, span: tuple[int | None, int | None], segment: str | None
) -> Hours:
    """Sums by hour within [start, end), hours since 1970: of one segment, or over all of them with segment ""."""
    one = segment is not None
    statement = _HOURS.format(segment="segment" if one else "''", only="AND segment = :segment" if one else "")
    start, end = span
    bounds = {"start": -_FOREVER if start is None else start, "end": _FOREVER if end is None else end}
    found = connection.execute(text(statement), {"id": experiment_id, "segment": segment or "", **bounds})
    return [tuple(row) for row in found]
