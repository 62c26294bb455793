"""Learn what was joined, and publish."""

from experiments.jobs.context import WorkerContext


def learn(worker: WorkerContext) -> int:
    """Rounds learned; none before a join has come to its end."""
    return worker.under_lease(lambda lease: worker.learner.run(lease) if worker.drained else 0)
