"""Features of units of whom something new was heard, and files of the history written anew, in a process of its own."""

import signal

import structlog

from experiments.errors import WinbackError
from experiments.jobs.context import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.services.refreshing_features import anything_new, compact_history, refresh_features
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

_log = structlog.get_logger("winback.features")


def features(worker: WorkerContext) -> int:
    """1 where a refresh was begun."""
    if worker.refreshing.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    if not anything_new(worker.engine):
        return 0
    worker.refreshing.start(run_refresh, worker.settings)
    return 1


def run_refresh(settings: Settings) -> None:
    """One refresh, and what there is to tidy up; the process ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = engine_for(settings, patient=True)
    try:
        refresh_features(engine, SYSTEM, settings.history_path)
        compact_history(engine, settings.history_path)
    except WinbackError as error:
        _log.info("features are refreshed later", reason=str(error))
    except Exception:
        _log.exception("refresh failed")
    finally:
        engine.dispose()
