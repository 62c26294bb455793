"""Acknowledge alerts."""

from sqlalchemy import Engine

from experiments.errors import NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.messages import Alert
from experiments.model.times import now
from experiments.store import audit
from experiments.store.core.engine import transaction


def acknowledge_alert(engine: Engine, principal: Principal, number: int) -> None:
    """Somebody has seen it and takes care; whoever was first stays named. Raises ForbiddenError, NotFoundError."""
    require(principal, "experiment")
    with transaction(engine) as session:
        alert = session.get(Alert, number, with_for_update=True)
        if alert is None:
            raise NotFoundError(f"there is no alert {number}")
        if alert.acknowledged_at is not None:
            return
        alert.acknowledged_at, alert.acknowledged_by = now(), principal.name
        session.add(alert)
        audit.append(session, principal, "alert.acknowledge", str(number), {"name": alert.name})
