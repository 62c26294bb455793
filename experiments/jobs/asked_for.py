"""Long work that people asked for, in a process of its own: heard of as it goes on, cancelled, and over."""

import signal
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Engine

from experiments.model.times import SECOND, now
from experiments.settings import Settings
from experiments.store import runs
from experiments.store.core.engine import engine_for

Progress = Callable[[str, int, int], None]
"""Takes what is being done, how much of it is done, and how much there is."""

_BEAT = SECOND
_log = structlog.get_logger("winback.asked_for")


class CancelledError(Exception):
    """Somebody ended the run."""


def carry_out(
    settings: Settings,
    kind: type[runs.Run],
    number: int,
    work: Callable[[Engine, Progress], dict[str, Any]],
    refusals: tuple[type[Exception], ...],
) -> None:
    """Do the work of one claimed run and keep what came of it; the process ends with it.

    What `refusals` say is told to who asked; of other errors only the kind, and the log has the rest.
    """
    # Ctrl-C reaches the whole group: the worker ends this process, and the next worker starts the run anew.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    name = runs.name_of(kind)
    engine = engine_for(settings, patient=True)
    try:
        runs.finish(engine, kind, number, work(engine, _progress(engine, kind, number)))
    except CancelledError:
        _log.info("cancelled", run=name, number=number)
    except refusals as error:
        runs.finish(engine, kind, number, None, str(error))
    except Exception as error:
        _log.exception("failed", run=name, number=number)
        runs.finish(engine, kind, number, None, f"the {name} failed inside: {type(error).__name__}")
    finally:
        engine.dispose()


def _progress(engine: Engine, kind: type[runs.Run], number: int) -> Progress:
    last = 0

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        if now() - last < _BEAT:
            return
        last = now()
        if not runs.note_progress(engine, kind, number, stage, done / max(total, 1)):
            raise CancelledError

    return report
