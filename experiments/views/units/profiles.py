"""What is stored of a unit."""

import json
from typing import Any

from sqlalchemy import Engine

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import ServiceSetting, Unit
from experiments.model.times import now, to_rfc3339
from experiments.model.unit_features import history_features
from experiments.model.units import unit_id_faults
from experiments.store.core.engine import reading


def unit(engine: Engine, principal: Principal, unit_id: str) -> dict[str, Any]:
    """The profile, the segments, and the features of the history as a decision made now would see them.

    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "read")
    row = None
    if not unit_id_faults(unit_id):
        with reading(engine) as session:
            row = session.get(Unit, unit_id)
    if row is None:
        raise NotFoundError("there is no profile of this unit")
    return {
        "unit_id": row.unit_id,
        "profile": json.loads(row.profile),
        "updated_at": to_rfc3339(row.updated_at),
        "features": history_features(row.facts, now()),
        "features_as_of": None if row.facts_at is None else to_rfc3339(row.facts_at),
        "segments": {} if row.segments is None else json.loads(row.segments),
    }


def global_holdout(engine: Engine, principal: Principal) -> dict[str, float]:
    """The share of all units that is outside every experiment. Raises ForbiddenError."""
    require(principal, "read")
    with reading(engine) as session:
        row = session.get(ServiceSetting, "global_holdout")
    return {"share": 0.0 if row is None else float(row.value["share"])}
