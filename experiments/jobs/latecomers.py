"""Publish what was committed behind the cursor of published decisions; without a broker, keep the outbox short."""

import structlog

from experiments.errors import BrokerAwayError
from experiments.jobs.desk import Desk
from experiments.services.publishing import Publishing, drop_unheard
from experiments.store.lease import Lease

_log = structlog.get_logger("winback.publishing")


def latecomers(desk: Desk) -> int:
    """Decisions published after all, or messages dropped."""

    def work(lease: Lease) -> int:
        if not desk.outlet.configured:
            return drop_unheard(desk.engine, lease)
        try:
            return Publishing(desk.engine, desk.outlet.send).latecomers(lease)
        except BrokerAwayError as error:
            _log.warning("not published", reason=str(error))
            return 0

    return desk.under_lease(work)
