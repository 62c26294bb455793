"""Publish what was committed behind the cursor of published decisions; without a broker, keep the outbox short."""

import structlog

from experiments.errors import BrokerAwayError
from experiments.jobs.context import WorkerContext
from experiments.services.learning.publishing import Publishing, drop_unheard
from experiments.store.core.lease import Lease

_log = structlog.get_logger("winback.publishing")


def late_commits(worker: WorkerContext) -> int:
    """Decisions published after all, or messages dropped."""

    def work(lease: Lease) -> int:
        if not worker.publisher.configured:
            return drop_unheard(worker.engine, lease)
        try:
            return Publishing(worker.engine, worker.publisher.send).late_commits(lease)
        except BrokerAwayError as error:
            _log.warning("not published", reason=str(error))
            return 0

    return worker.under_lease(work)
