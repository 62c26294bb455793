"""Pushes beside the worker's jobs, in one thread: waiting for receivers must keep no join and no learner waiting."""

from collections.abc import Callable
from threading import Event, Thread

_PATIENCE = 2.0

Stopped = Callable[[], bool]


class PushThread:
    """Runs one piece of work at a time in a thread. What it works on must survive the process's end at any instant."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._stop = Event()

    @property
    def busy(self) -> bool:
        """Whether the last one is still at work."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[Stopped], None]) -> None:
        """Begin."""
        self._thread = Thread(target=work, args=(self._stop.is_set,), name="winback-push_thread", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask what is at work to end, and wait a little; the process does not wait for a receiver that is silent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
