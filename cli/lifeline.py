"""A child process ends with its parent, whatever killed it: the parent holds the other end of the child's stdin."""

import os
import signal
import threading

VARIABLE = "WINBACK_LIFELINE"
"""Set by the parent: without it a process has nothing to do with its stdin."""


def hold() -> None:
    """Where a parent asks for it, stop as on SIGTERM once the parent is gone."""
    if os.environ.pop(VARIABLE, None):
        threading.Thread(target=_wait_for_parent, name="lifeline", daemon=True).start()


def _wait_for_parent() -> None:
    # Not sys.stdin: a daemon thread that holds its lock would crash the interpreter's own end.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
