"""Count the open decisions by when they mature."""

from experiments.jobs.desk import Desk
from experiments.model.times import now
from experiments.services.counting_open import count_open as count


def count_open(desk: Desk) -> int:
    """Slots counted."""
    return desk.under_lease(lambda lease: count(desk.engine, desk.book, lease, now()))
