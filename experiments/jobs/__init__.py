"""What the worker does by the clock. A new job is one file and one line in JOBS."""

from collections.abc import Callable
from typing import NamedTuple

from experiments.jobs.aa_testing import aa_runs
from experiments.jobs.batching import batches
from experiments.jobs.context import WorkerContext
from experiments.jobs.count_open import count_open
from experiments.jobs.delivering import deliver
from experiments.jobs.joining import join
from experiments.jobs.late_commits import late_commits
from experiments.jobs.lateness import lateness
from experiments.jobs.learning import learn
from experiments.jobs.monitoring import monitor
from experiments.jobs.pace import pace
from experiments.jobs.planning import plans
from experiments.jobs.portfolio import portfolio
from experiments.jobs.publishing import publish
from experiments.jobs.refreshing_features import features
from experiments.jobs.replaying import replays
from experiments.jobs.segmenting import segments
from experiments.jobs.summing_days import days
from experiments.jobs.sweeping import sweep
from experiments.settings import Settings

__all__ = ["JOBS", "Job", "WorkerContext"]


class Job(NamedTuple):
    """One thing to do, and how often, in seconds."""

    run: Callable[[WorkerContext], int]
    every: Callable[[Settings], float]


JOBS: dict[str, Job] = {
    "join": Job(join, lambda settings: settings.worker_interval),
    "learn": Job(learn, lambda settings: settings.worker_interval),
    "monitor": Job(monitor, lambda settings: max(1.0, settings.worker_interval)),
    "plan": Job(plans, lambda settings: max(1.0, settings.worker_interval)),
    "publish": Job(publish, lambda settings: settings.worker_interval),
    "late_commits": Job(late_commits, lambda settings: max(10.0, settings.worker_interval)),
    "portfolio": Job(portfolio, lambda settings: max(5.0, settings.worker_interval)),
    "aa": Job(aa_runs, lambda settings: max(1.0, settings.worker_interval)),
    "pace": Job(pace, lambda settings: settings.worker_interval),
    "replay": Job(replays, lambda settings: max(1.0, settings.worker_interval)),
    "batch": Job(batches, lambda settings: max(1.0, settings.worker_interval)),
    "segment": Job(segments, lambda settings: max(1.0, settings.worker_interval)),
    "count_open": Job(count_open, lambda settings: max(5.0, settings.worker_interval)),
    "deliver": Job(deliver, lambda settings: max(0.5, settings.worker_interval)),
    "days": Job(days, lambda settings: max(30.0, settings.worker_interval)),
    "features": Job(features, lambda settings: max(30.0, settings.worker_interval)),
    "lateness": Job(lateness, lambda settings: max(60.0, settings.worker_interval)),
    "sweep": Job(sweep, lambda settings: max(60.0, settings.worker_interval)),
}
"""In the order in which jobs that fall due together are run."""
