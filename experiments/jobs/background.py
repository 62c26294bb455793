"""Long work beside the worker's jobs: one process at a time."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

_PATIENCE = 2.0


class Background:
    """Runs a function in a fresh process. What it works on must survive that process's end at any instant."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None

    @property
    def busy(self) -> bool:
        """Whether the last one is still at work."""
        return self._process is not None and self._process.is_alive()

    def start(self, work: Callable[..., None], *arguments: Any) -> None:
        """Begin. A fresh interpreter shares no lock, connection or thread with this one."""
        self._process = get_context("spawn").Process(target=work, args=arguments, daemon=True)
        self._process.start()

    def close(self) -> None:
        """End what is at work."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
