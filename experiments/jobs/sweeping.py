"""Join what was committed too late for the joiner's cursor."""

from experiments.jobs.context import WorkerContext
from experiments.model.times import now


def sweep(worker: WorkerContext) -> int:
    """Rounds joined."""
    return worker.under_lease(lambda lease: worker.joiner.run(lease, now(), sweep=True))
