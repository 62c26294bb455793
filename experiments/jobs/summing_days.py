"""Add up finished days."""

from experiments.jobs.context import WorkerContext
from experiments.services.summing_days import sum_days
from experiments.store.designing.revisions import RevisionBook


def days(worker: WorkerContext) -> int:
    """Days added."""
    return worker.under_lease(lambda lease: sum_days(worker.engine, RevisionBook(), lease))
