"""Join what has matured."""

from experiments.jobs.context import WorkerContext
from experiments.model.times import now
from experiments.store.core.lease import Lease


def join(worker: WorkerContext) -> int:
    """Rounds joined."""

    def work(lease: Lease) -> int:
        joined = worker.joiner.run(lease, now())
        worker.drained = True
        return joined

    return worker.under_lease(work)
