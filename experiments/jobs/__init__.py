"""What the worker does by the clock. A new job is one file and one line in JOBS."""

from collections.abc import Callable
from typing import NamedTuple

from experiments.jobs.desk import Desk
from experiments.jobs.joining import join
from experiments.jobs.learning import learn
from experiments.jobs.replaying import replays
from experiments.jobs.sweeping import sweep
from experiments.settings import Settings

__all__ = ["JOBS", "Desk", "Job"]


class Job(NamedTuple):
    """One thing to do, and how often, in seconds."""

    run: Callable[[Desk], int]
    every: Callable[[Settings], float]


JOBS: dict[str, Job] = {
    "join": Job(join, lambda settings: settings.worker_interval),
    "learn": Job(learn, lambda settings: settings.worker_interval),
    "replay": Job(replays, lambda settings: max(1.0, settings.worker_interval)),
    "sweep": Job(sweep, lambda settings: max(60.0, settings.worker_interval)),
}
"""In the order in which jobs that fall due together are run."""
