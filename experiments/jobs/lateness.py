"""Count the outcomes that came too late."""

from experiments.jobs.desk import Desk
from experiments.services.counting_late import count_late


def lateness(desk: Desk) -> int:
    """First decisions that had their first late outcome."""
    return desk.under_lease(lambda lease: count_late(desk.engine, lease))
