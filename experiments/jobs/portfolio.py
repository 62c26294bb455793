"""Bring the portfolio's tier forward."""

from experiments.jobs.context import WorkerContext
from experiments.model.times import now


def portfolio(worker: WorkerContext) -> int:
    """Asks, rounds and outcomes that were added; none before a join has come to its end."""
    return worker.under_lease(lambda lease: worker.portfolio.run(lease, now()) if worker.drained else 0)
