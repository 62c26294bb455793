"""Replays that people asked for, one at a time, in a process of their own: the worker goes on joining and learning."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine

from experiments.errors import WinbackError
from experiments.jobs.asked_for import Progress, carry_out
from experiments.jobs.context import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Replay
from experiments.services.replaying import Claim, claim_replay
from experiments.settings import Settings
from experiments.views.exports import EXPORTS
from experiments.views.exports.live_log import FOREVER, Chosen, live_log
from offline_eval.candidates import UnknownCandidateError
from offline_eval.logs import LogError, open_log, read_spec
from offline_eval.replay import Options, UnknownEstimatorError, replay

REFUSALS = (WinbackError, LogError, UnknownCandidateError, UnknownEstimatorError)


def replays(worker: WorkerContext) -> int:
    """1 where a replay was begun."""
    if worker.background.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    claim = claim_replay(worker.engine)
    if claim is None:
        return 0
    worker.background.start(run_claimed, worker.settings, claim)
    return 1


def run_claimed(settings: Settings, claim: Claim) -> None:
    """Carry out one replay and keep what came of it."""
    carry_out(settings, Replay, claim.id, lambda engine, progress: judged(engine, claim, progress), REFUSALS)


def judged(engine: Engine, claim: Claim, progress: Progress) -> dict[str, Any]:
    """The result, from a copy of the log on disk: the very files that an export would give."""
    asked = claim.request
    chosen = Chosen(asked.start or 0, FOREVER if asked.end is None else asked.end, asked.variants)
    with TemporaryDirectory(prefix="winback-replay-") as name:
        folder, log = Path(name), live_log(engine, SYSTEM, claim.experiment, chosen)
        EXPORTS["parquet"](log, folder, lambda done: progress("reading the log", done, log.rows))
        opened = open_log(folder / "log", read_spec(folder / "spec.toml"))
        return replay(opened, asked.policies, asked.estimators, progress, Options(asked.outcome_model))
