"""`winback worker`: the process that joins, learns and rolls up."""

import signal
import threading


def worker() -> None:
    """Join matured decisions, learn, roll up, until stopped. A second one waits to take over."""
    from cli.lifeline import hold
    from cli.logs import configure
    from experiments.jobs.worker import run_worker
    from experiments.settings import settings

    hold()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    chosen = settings()
    configure(chosen)
    run_worker(chosen, stop)
