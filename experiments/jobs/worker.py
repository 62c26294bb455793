"""The worker process: every job by its cadence, one at a time, until it is told to stop."""

import atexit
import gc
import logging
from datetime import UTC, datetime, timedelta
from threading import Event

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from experiments.jobs import JOBS, WorkerContext
from experiments.settings import Settings


def run_worker(settings: Settings, stop_event: Event) -> None:
    """Work until `stop_event` is set; what is under way is finished first. A second worker waits for the lease."""
    # A job that takes longer than its interval is no news: the next run does what has come up since.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    spare_the_collector()
    worker = WorkerContext(settings)
    scheduler = _schedule(worker)
    scheduler.start()
    try:
        stop_event.wait()
    finally:
        scheduler.shutdown(wait=True)
        worker.close()


def spare_the_collector() -> None:
    """A batch is thousands of objects without cycles: walking them again and again took a third of its time."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # what stays frozen is told on the terminal as leaked
    gc.set_threshold(100_000, 50, 100)


def _schedule(worker: WorkerContext) -> BackgroundScheduler:
    """One thread, so that jobs never contend and join always comes before learn."""
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    start = datetime.now(UTC)
    for place, (name, job) in enumerate(JOBS.items()):
        first = start + timedelta(microseconds=place)
        seconds = job.every(worker.settings)
        scheduler.add_job(job.run, "interval", [worker], seconds=seconds, id=name, next_run_time=first)
    return scheduler
