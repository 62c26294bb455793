"""What units have spent, from their matured decisions."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from experiments.store.core.bulk import one_of, values_for


class _Metrics(msgspec.Struct):
    revenue: float = 0.0


_read = msgspec.json.Decoder(_Metrics).decode
_OF_UNITS = """
SELECT d.unit_id, l.revision, l.metrics FROM decisions d JOIN logged_rounds l ON l.decision_id = d.id
LEFT JOIN voids v ON v.decision_id = d.id
WHERE {units} AND d.experiment_id = :id AND d.mode <> 'forced' AND coalesce(v.reason, '') <> 'replay_rejected'
ORDER BY l.seq
"""


def unit_revenue(
    connection: Connection, experiment_id: int, units: Collection[str]
) -> Iterator[tuple[str, int, float]]:
    """(unit, revision, revenue) of each decision of these units that readouts count, in the joiner's order."""
    if not units:
        return
    statement = text(_OF_UNITS.format(units=one_of(connection, "d.unit_id", "units")))
    rows = connection.execute(statement, {"id": experiment_id, "units": values_for(connection, units)})
    for unit_id, revision, metrics in rows.all():
        yield unit_id, revision, revenue_of(metrics)


def revenue_of(metrics: Any) -> float:
    """Of a stored round: JSON text, or what PostgreSQL has read of it."""
    return _read(metrics).revenue if isinstance(metrics, str) else float(metrics.get("revenue", 0.0))
