"""Settle limits and price budgets."""

from experiments.jobs.desk import Desk
from experiments.model.times import now


def pace(desk: Desk) -> int:
    """Rounds settled."""
    return desk.under_lease(lambda lease: desk.pacer.run(lease, now()))
