"""Join what has matured."""

from experiments.jobs.desk import Desk
from experiments.model.times import now
from experiments.store.lease import Lease


def join(desk: Desk) -> int:
    """Rounds joined."""

    def work(lease: Lease) -> int:
        joined = desk.joiner.run(lease, now())
        desk.drained = True
        return joined

    return desk.under_lease(work)
