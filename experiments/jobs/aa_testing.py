"""A/A runs that people asked for, one at a time, in a process of their own."""

from experiments.errors import WinbackError
from experiments.jobs.asked_for import carry_out
from experiments.jobs.desk import Desk
from experiments.model.tables import AaRun
from experiments.services.aa_testing import AaClaim, claim_aa, tested
from experiments.settings import Settings


def aa_runs(desk: Desk) -> int:
    """1 where a run was begun."""
    if desk.background.busy:
        return 0
    return desk.under_lease(lambda _lease: _begin(desk))


def _begin(desk: Desk) -> int:
    claim = claim_aa(desk.engine)
    if claim is None:
        return 0
    desk.background.start(run_aa, desk.settings, claim)
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
