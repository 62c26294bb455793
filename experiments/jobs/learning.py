"""Learn what was joined, and publish."""

from experiments.jobs.desk import Desk


def learn(desk: Desk) -> int:
    """Rounds learned."""
    return desk.under_lease(desk.learner.run)
