"""Plans whose campaigns must be simulated, one at a time, in a process of their own and within a limit of time."""

import signal
from typing import Any

import structlog

from bandit.errors import BanditError
from experiments.jobs.context import WorkerContext
from experiments.services.planning import LIMIT_SECONDS, PlanClaim, claim_plan, finish_plan
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from offline_eval.planning import PlanError, plan

_log = structlog.get_logger("winback.planning")


class TookTooLongError(Exception):
    """The limit has passed."""


def plans(worker: WorkerContext) -> int:
    """1 where a plan was begun."""
    if worker.planner.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    claim = claim_plan(worker.engine)
    if claim is None:
        return 0
    worker.planner.start(run_planned, worker.settings, claim)
    return 1


def run_planned(settings: Settings, claim: PlanClaim) -> None:
    """Simulate one plan and keep what came of it; the process ends with it."""
    # Ctrl-C reaches the whole group: the worker ends this process, and a later one starts the plan anew.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT_SECONDS)
    engine = engine_for(settings, patient=True)
    try:
        result = plan(claim.document)
        signal.alarm(0)
        finish_plan(engine, claim.id, result)
    except TookTooLongError:
        finish_plan(engine, claim.id, None, f"took longer than {LIMIT_SECONDS} seconds: ask for fewer replications")
    except (PlanError, BanditError) as error:
        finish_plan(engine, claim.id, None, str(error))
    except Exception as error:
        _log.exception("plan failed", plan=claim.id)
        finish_plan(engine, claim.id, None, f"the plan failed inside: {type(error).__name__}")
    finally:
        engine.dispose()


def _too_long(_number: int, _frame: Any) -> None:
    raise TookTooLongError
