"""One process that the supervisor keeps alive."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from cli.lifeline import VARIABLE

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
HEALTHY_AFTER = 60.0
"""Seconds after which a process that dies counts as having run well, so that it is started again quickly."""


class Child:
    """A process with the delay before it is started again."""

    def __init__(
        self, name: str, module: tuple[str, ...], environment: Mapping[str, str], log: Path | None = None
    ) -> None:
        self.name = name
        self._log = log
        self._command = [sys.executable, "-m", *module]
        self._environment = {**os.environ, **environment, VARIABLE: "1"}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._delay = FIRST_DELAY
        self._due: float | None = None

    def start(self) -> None:
        """Start the process in a session of its own: Ctrl-C reaches the supervisor alone, who stops all in order."""
        self._let_go()
        self._started, self._due = time.monotonic(), None
        with self._output() as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _output(self) -> AbstractContextManager[IO[bytes] | None]:
        """Where its lines go: appended to the log, or to where ours go."""
        return nullcontext() if self._log is None else self._log.open("ab")

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def waiting(self) -> bool:
        """Whether it is to be started again later."""
        return self._due is not None

    def plan_restart(self) -> float:
        """Decide when to start again; the delay in seconds, twice the last one where it died young."""
        ran = time.monotonic() - self._started
        delay = FIRST_DELAY if ran > HEALTHY_AFTER else self._delay
        self._delay = min(2 * delay, LONGEST_DELAY)
        self._due = time.monotonic() + delay
        return delay

    @property
    def due(self) -> bool:
        """Whether the time to start again has come."""
        return self._due is not None and time.monotonic() >= self._due

    def ask_to_stop(self) -> None:
        """SIGTERM; nothing where it has ended."""
        self._due = None
        if self._process is not None and self.alive:
            self._process.terminate()

    def wait_until(self, deadline: float) -> bool:
        """Whether it ended before the deadline (monotonic seconds); killed where it did not."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        finally:
            self._let_go()
        return True

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
