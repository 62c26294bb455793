"""Publish decisions, snapshots, alerts and changes, where there is a broker."""

from time import monotonic

import structlog

from experiments.errors import BrokerAwayError
from experiments.jobs.desk import Desk
from experiments.services.publishing import Publishing
from experiments.store.lease import Lease

MOST_SECONDS = 0.5
"""How long one run may keep the other jobs waiting."""

_log = structlog.get_logger("winback.publishing")


def publish(desk: Desk) -> int:
    """Messages and decisions published."""
    if not desk.outlet.configured:
        return 0
    return desk.under_lease(lambda lease: _publish(desk, lease))


def _publish(desk: Desk, lease: Lease) -> int:
    publishing = Publishing(desk.engine, desk.outlet.send)
    published, until = 0, monotonic() + MOST_SECONDS
    try:
        for portion in (publishing.outbox, publishing.decisions):
            while count := portion(lease):
                published += count
                if monotonic() > until:
                    break
    except BrokerAwayError as error:
        _log.warning("not published", reason=str(error))
    return published
