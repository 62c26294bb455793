"""Push what was asked for to its destinations, beside everything else."""

import structlog

from experiments.connectors.webhooks import Sender
from experiments.errors import WinbackError
from experiments.jobs.context import WorkerContext
from experiments.jobs.push_thread import Stopped
from experiments.services.delivering.pushes import Pusher, claim_delivery
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

_log = structlog.get_logger("winback.delivering")


def deliver(worker: WorkerContext) -> int:
    """1 where a delivery was begun."""
    if worker.push_thread.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    number = claim_delivery(worker.engine)
    if number is None:
        return 0
    worker.push_thread.start(lambda stopped: push_claimed(worker.settings, number, stopped))
    return 1


def push_claimed(settings: Settings, number: int, stopped: Stopped) -> None:
    """Carry out one delivery until it is over or must wait."""
    engine = engine_for(settings, patient=True)
    sender = Sender(allow_private=settings.allow_private_webhooks)
    try:
        Pusher(engine, sender, settings.history_path).run(number, stopped)
    except WinbackError as error:
        _log.warning("delivery interrupted; it is taken up again", delivery=number, reason=str(error))
    except Exception:
        _log.exception("delivery failed", delivery=number)
    finally:
        sender.close()
        engine.dispose()
