"""Bring the portfolio's tier forward."""

from experiments.jobs.desk import Desk
from experiments.model.times import now


def portfolio(desk: Desk) -> int:
    """Asks, rounds and outcomes that were added; none before a join has come to its end."""
    return desk.under_lease(lambda lease: desk.portfolio.run(lease, now()) if desk.drained else 0)
