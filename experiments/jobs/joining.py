"""Join what has matured."""

from experiments.jobs.desk import Desk
from experiments.model.times import now


def join(desk: Desk) -> int:
    """Rounds joined."""
    return desk.under_lease(lambda lease: desk.joiner.run(lease, now()))
