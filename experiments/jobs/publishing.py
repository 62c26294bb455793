"""Publish decisions, snapshots, alerts and changes, where there is a broker."""

from time import monotonic

import structlog

from experiments.errors import BrokerAwayError
from experiments.jobs.context import WorkerContext
from experiments.services.learning.publishing import Publishing
from experiments.store.core.lease import Lease

MOST_SECONDS = 0.5
"""How long one run may keep the other jobs waiting."""

_log = structlog.get_logger("winback.publishing")


def publish(worker: WorkerContext) -> int:
    """Messages and decisions published."""
    if not worker.publisher.configured:
        return 0
    return worker.under_lease(lambda lease: _publish(worker, lease))


def _publish(worker: WorkerContext, lease: Lease) -> int:
    publishing = Publishing(worker.engine, worker.publisher.send)
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
