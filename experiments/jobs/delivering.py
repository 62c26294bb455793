"""Push what was asked for to its destinations, beside everything else."""

import structlog

from experiments.connectors.webhooks import Sender
from experiments.errors import WinbackError
from experiments.jobs.courier import Stopped
from experiments.jobs.desk import Desk
from experiments.services.delivering_pushes import Pusher, claim_delivery
from experiments.settings import Settings
from experiments.store.engine import engine_for

_log = structlog.get_logger("winback.delivering")


def deliver(desk: Desk) -> int:
    """1 where a delivery was begun."""
    if desk.courier.busy:
        return 0
    return desk.under_lease(lambda _lease: _begin(desk))


def _begin(desk: Desk) -> int:
    number = claim_delivery(desk.engine)
    if number is None:
        return 0
    desk.courier.start(lambda stopped: push_claimed(desk.settings, number, stopped))
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
