"""Add up finished days."""

from experiments.jobs.desk import Desk
from experiments.services.summing_days import sum_days
from experiments.store.revisions import RevisionBook


def days(desk: Desk) -> int:
    """Days added."""
    return desk.under_lease(lambda lease: sum_days(desk.engine, RevisionBook(), lease))
