"""Batches that were asked for, one at a time, in a process of their own."""

import signal

import structlog

from experiments.errors import StoppedError, UnavailableError, WinbackError
from experiments.jobs.context import WorkerContext
from experiments.services.batching.requesting import Claim, claim_batch
from experiments.services.batching.running import run_batch
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

_log = structlog.get_logger("winback.batching")


def batches(worker: WorkerContext) -> int:
    """1 where a batch was begun."""
    if worker.batching.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    claim = claim_batch(worker.engine)
    if claim is None:
        return 0
    worker.batching.start(run_claimed, worker.settings, claim)
    return 1


def run_claimed(settings: Settings, claim: Claim) -> None:
    """Carry out one batch; the process ends with it, and another goes on where it could not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = engine_for(settings, patient=True)
    try:
        run_batch(settings, engine, claim)
    except StoppedError as error:
        _log.info("batch given up", reason=str(error))
    except UnavailableError as error:
        _log.warning("batch interrupted; it goes on when the database is back", batch=claim.id, reason=str(error))
    except WinbackError as error:
        _log.warning("batch failed", batch=claim.id, reason=str(error))
    except Exception:
        _log.exception("batch failed", batch=claim.id)
    finally:
        engine.dispose()
