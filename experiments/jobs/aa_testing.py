"""A/A runs that people asked for, one at a time, in a process of their own."""

from experiments.errors import WinbackError
from experiments.jobs.asked_for import carry_out
from experiments.jobs.context import WorkerContext
from experiments.model.tables.readouts import AaRun
from experiments.services.aa_testing import AaClaim, claim_aa, tested
from experiments.settings import Settings


def aa_runs(worker: WorkerContext) -> int:
    """1 where a run was begun."""
    if worker.background.busy:
        return 0
    return worker.under_lease(lambda _lease: _begin(worker))


def _begin(worker: WorkerContext) -> int:
    claim = claim_aa(worker.engine)
    if claim is None:
        return 0
    worker.background.start(run_aa, worker.settings, claim)
    return 1


def run_aa(settings: Settings, claim: AaClaim) -> None:
    """Carry out one run and keep what came of it."""
    carry_out(
        settings,
        AaRun,
        claim.id,
        lambda engine, progress: tested(engine, claim.experiment, claim.request, progress),
        (WinbackError,),
    )
