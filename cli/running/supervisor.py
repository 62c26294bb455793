"""Starts children, starts them again when they die, and stops all of them within seconds."""

import signal
import threading
import time
from types import FrameType

from cli.console import say
from cli.running.child import Child

STOP_SECONDS = 4.0
"""How long all children together may take to stop before they are killed."""

_LOOK_EVERY = 0.2


class Supervisor:
    """Keeps children alive until a signal says stop."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._children: list[Child] = []

    def obey_signals(self) -> None:
        """Stop on Ctrl-C, on SIGTERM and when the terminal goes away."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def start(self, child: Child) -> None:
        """Start a child and keep it alive from now on."""
        child.start()
        self._children.append(child)

    def watch(self) -> None:
        """Start what dies again, until told to stop."""
        while not self.stopping.wait(_LOOK_EVERY):
            for child in self._children:
                self._tend(child)

    def stop(self) -> bool:
        """Stop all, the last started first asked; whether everything ended by itself."""
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self._children):
            child.ask_to_stop()
        slow = [child.name for child in self._children if not child.wait_until(deadline)]
        for name in slow:
            say(f"{name} did not stop within {STOP_SECONDS:g} s and was killed; what it had acknowledged is kept")
        return not slow

    def _tend(self, child: Child) -> None:
        if child.due:
            child.start()
        elif not child.alive and not child.waiting:
            status = child.status
            say(f"{child.name} ended with status {status}; starting it again in {child.plan_restart():g} s")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()
