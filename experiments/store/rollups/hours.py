"""The hourly tier as a readout of one segment reads it."""

from collections.abc import Sequence

from sqlalchemy import Connection

from experiments.store.core.bulk import is_sqlite

Hours = Sequence[tuple[int, int, str, str, str, int, str, int, float]]
"""(hour, revision, variant, arm, segment, voided, metric, rounds that are not zero, total)."""

_HOURS = """
SELECT hour, revision, variant, arm, segment, voided, metric, rounds, total FROM rollup_hourly
WHERE experiment_id = {0} AND segment = {0} AND hour >= {0} AND hour < {0}
"""


def read_hours(connection: Connection, experiment_id: int, span: tuple[int, int], segment: str) -> Hours:
    """Sums of a segment by hour within [start, end), hours since 1970. Over all segments: see `hour_totals`."""
    mark = "?" if is_sqlite(connection) else "%s"
    values = (experiment_id, segment, *span)
    # The driver's own rows: wrapping tens of thousands of them takes longer than reading them.
    return list(connection.exec_driver_sql(_HOURS.format(mark), values).cursor.fetchall())
