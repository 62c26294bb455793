"""Learn what was joined, and publish."""

from experiments.jobs.desk import Desk


def learn(desk: Desk) -> int:
    """Rounds learned; none before a join has come to its end."""
    return desk.under_lease(lambda lease: desk.learner.run(lease) if desk.drained else 0)
