"""Count the outcomes that came too late."""

from experiments.jobs.context import WorkerContext
from experiments.services.counting_late import count_late


def lateness(worker: WorkerContext) -> int:
    """First decisions that had their first late outcome."""
    return worker.under_lease(lambda lease: count_late(worker.engine, lease))
