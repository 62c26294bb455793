"""Replays that people asked for, one at a time, in a process of their own: the worker goes on joining and learning."""

import signal
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from sqlalchemy import Engine

from experiments.errors import WinbackError
from experiments.jobs.desk import Desk
from experiments.model.principal import SYSTEM
from experiments.model.times import SECOND, now
from experiments.services.replaying import Claim, claim_replay, finish_replay, note_progress
from experiments.settings import Settings
from experiments.store.engine import engine_for
from experiments.views.exports import EXPORTS
from experiments.views.live_log import FOREVER, Chosen, live_log
from offline_eval.candidates import UnknownCandidateError
from offline_eval.logs import LogError, open_log, read_spec
from offline_eval.replay import Options, UnknownEstimatorError, replay

_BEAT = SECOND
_log = structlog.get_logger("winback.replaying")


class CancelledError(Exception):
    """Somebody ended the replay."""


def replays(desk: Desk) -> int:
    """1 where a replay was begun."""
    if desk.background.busy:
        return 0
    return desk.under_lease(lambda _lease: _begin(desk))


def _begin(desk: Desk) -> int:
    claim = claim_replay(desk.engine)
    if claim is None:
        return 0
    desk.background.start(run_claimed, desk.settings, claim)
    return 1


def run_claimed(settings: Settings, claim: Claim) -> None:
    """Carry out one replay and keep what came of it; the process ends with it."""
    # Ctrl-C reaches the whole group: the worker ends this process, and the next worker starts the replay anew.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = engine_for(settings, patient=True)
    try:
        finish_replay(engine, claim.id, judged(engine, claim, _reporter(engine, claim.id)))
    except CancelledError:
        _log.info("replay cancelled", replay=claim.id)
    except (WinbackError, LogError, UnknownCandidateError, UnknownEstimatorError) as error:
        finish_replay(engine, claim.id, None, str(error))
    except Exception as error:
        _log.exception("replay failed", replay=claim.id)
        finish_replay(engine, claim.id, None, f"the replay failed inside: {type(error).__name__}")
    finally:
        engine.dispose()


def judged(engine: Engine, claim: Claim, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """The result, from a copy of the log on disk: the very files that an export would give."""
    asked = claim.request
    chosen = Chosen(asked.start or 0, FOREVER if asked.end is None else asked.end, asked.variants)
    with TemporaryDirectory(prefix="winback-replay-") as name:
        folder, log = Path(name), live_log(engine, SYSTEM, claim.experiment, chosen)
        EXPORTS["parquet"](log, folder, lambda done: progress("reading the log", done, log.rows))
        opened = open_log(folder / "log", read_spec(folder / "spec.toml"))
        return replay(opened, asked.policies, asked.estimators, progress, Options(asked.outcome_model))


def _reporter(engine: Engine, number: int) -> Callable[[str, int, int], None]:
    last = 0

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        if now() - last < _BEAT:
            return
        last = now()
        if not note_progress(engine, number, stage, done / max(total, 1)):
            raise CancelledError

    return report
