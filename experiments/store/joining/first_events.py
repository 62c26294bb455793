"""A sample of an experiment's latest decisions, open and matured, for the early view."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from experiments.store.joining.matured import Matured

POINTS, EACH = 200, 20
"""A large log is sampled at so many evenly spaced instants of maturity, so many decisions each."""

_NEXT = """(SELECT n.decided_at FROM decisions n WHERE n.experiment_id = d.experiment_id AND n.unit_id = d.unit_id
  AND (n.epoch, n.attempt) > (d.epoch, d.attempt) ORDER BY n.epoch, n.attempt LIMIT 1)"""
_LATEST = f"""
SELECT d.id, d.unit_id, d.revision, d.variant, d.arm, d.decided_at, d.matures_at, v.reason AS void, {_NEXT} AS next_at
FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :id AND d.matures_at >= :start AND d.mode <> 'forced'
AND coalesce(v.reason, '') <> 'replay_rejected' ORDER BY d.matures_at, d.id LIMIT :limit
"""  # noqa: S608 - nothing of a caller's
_LAST = "SELECT max(matures_at) FROM decisions WHERE experiment_id = :id"


def latest_decisions(connection: Connection, experiment_id: int, start: int) -> Sequence[Matured]:
    """Decisions that mature from `start` on: all, or POINTS x EACH spread over the time where there are more."""
    most = POINTS * EACH
    found = _read(connection, experiment_id, start, most + 1)
    last = connection.execute(text(_LAST), {"id": experiment_id}).scalar_one()
    if len(found) <= most or last is None:
        return found
    steps = (start + (last - start) * point // POINTS for point in range(POINTS))
    spread = {one.id: one for step in steps for one in _read(connection, experiment_id, step, EACH)}
    return list(spread.values())


def _read(connection: Connection, experiment_id: int, start: int, limit: int) -> list[Matured]:
    rows = connection.execute(text(_LATEST), {"id": experiment_id, "start": start, "limit": limit})
    nothing: dict[str, Any] = dict.fromkeys(Matured._fields)
    return [Matured(**(nothing | dict(row._mapping))) for row in rows]
