"""Segments that are due, one at a time, in a process of their own."""

import signal

import structlog

from experiments.errors import SupersededError, WinbackError
from experiments.jobs.context import WorkerContext
from experiments.services.segmenting.refreshing import Claim, claim_refresh, fail_refresh, refresh
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

_log = structlog.get_logger("winback.segmenting")


def segments(worker: WorkerContext) -> int:
    """1 where a refresh was begun."""
    if worker.segmenting.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    claim = claim_refresh(worker.engine)
    if claim is None:
        return 0
    worker.segmenting.start(run_claimed, worker.settings, claim)
    return 1


def run_claimed(settings: Settings, claim: Claim) -> None:
    """Carry out one refresh; the process ends with it, and the next worker does anew what it could not finish."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = engine_for(settings, patient=True)
    try:
        refresh(engine, settings.history_path, claim)
    except SupersededError as error:
        _log.info("refresh given up", reason=str(error))
    except WinbackError as error:
        _log.warning("refresh failed", segment=claim.key, reason=str(error))
    except Exception as error:
        _log.exception("refresh failed", segment=claim.key)
        fail_refresh(engine, claim, f"the refresh failed inside: {type(error).__name__}")
    finally:
        engine.dispose()
