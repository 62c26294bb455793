"""Settle limits and price budgets."""

from experiments.jobs.context import WorkerContext
from experiments.model.times import now


def pace(worker: WorkerContext) -> int:
    """Rounds settled."""
    return worker.under_lease(lambda lease: worker.pacer.run(lease, now()))
