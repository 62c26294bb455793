"""`winback worker`: the process that joins, learns and rolls up."""

import signal
import threading

from cli.threads import one_each


def worker() -> None:
    """Join matured decisions, learn, roll up, until stopped. A second one waits to take over."""
    one_each()
    from cli.lifeline import hold
    from cli.logs import configure
    from experiments.jobs.worker import run_worker
    from experiments.services.attending import present
    from experiments.settings import settings

    hold()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    chosen = settings()
    configure(chosen)
    with present(chosen):
        run_worker(chosen, stop)
