"""Snapshots of an experiment's learned policies: their lineage, and how much each had learned."""

from typing import Any

from sqlalchemy import Engine, text

from experiments.model.access.principal import Principal, require
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find

Document = dict[str, Any]
MOST = 500

_NEWEST = """
SELECT id, variant, revision, parent_id, sha256, trained_through, rounds, created_at, length(body) AS size
FROM snapshots WHERE experiment_id = :id ORDER BY id DESC LIMIT :most
"""
_COUNTED = (
    "SELECT variant, count(*) AS snapshots, max(rounds) AS rounds FROM snapshots WHERE experiment_id = :id GROUP BY 1"
)


def snapshots(engine: Engine, principal: Principal, key: str) -> Document:
    """`{items, variants}`: the newest 500, newest first, and how many each variant has in all.

    An item: {id, variant, revision, parent_id, sha256, rounds, trained_through, created_at, bytes}.
    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        connection = session.connection()
        newest = connection.execute(text(_NEWEST), {"id": row.id, "most": MOST}).all()
        counted = connection.execute(text(_COUNTED), {"id": row.id}).all()
    items = [
        {
            "id": one.id,
            "variant": one.variant,
            "revision": one.revision,
            "parent_id": one.parent_id,
            "sha256": one.sha256,
            "rounds": one.rounds,
            "trained_through": one.trained_through,
            "created_at": to_rfc3339(one.created_at),
            "bytes": one.size,
        }
        for one in newest
    ]
    variants = {one.variant: {"snapshots": one.snapshots, "rounds": one.rounds} for one in counted}
    return {"experiment": key, "items": items, "variants": variants}
