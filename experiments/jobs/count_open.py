"""Count the open decisions by when they mature."""

from experiments.jobs.context import WorkerContext
from experiments.model.times import now
from experiments.services.counting_open import count_open as count


def count_open(worker: WorkerContext) -> int:
    """Slots counted."""
    return worker.under_lease(lambda lease: count(worker.engine, worker.book, lease, now()))
