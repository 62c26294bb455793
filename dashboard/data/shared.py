"""What several sections of one page ask for at the same moment is computed once, and remembered for four seconds.

So the figures of a page agree with each other. Who may not read is refused before anything is looked up.
"""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from dashboard.who import Who
from experiments.model.access.principal import require

LIFE = 4.0
"""Seconds from the beginning of a computation for which its result is good."""

Result = TypeVar("Result")


class Shared:
    """Results by key. Those of one key are computed by whoever asks first; the others wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[float, Future[Any]]] = {}

    def of(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The result, which nobody may change. Raises what `compute` raises, to everyone who waits for it."""
        with self._lock:
            found = self._fresh(key)
            mine = found is None
            if found is None:
                found = Future()
                self._known[key] = (self._clock(), found)
        if mine:
            self._run(key, found, compute)
        result: Result = found.result()
        return result

    def _fresh(self, key: Hashable) -> Future[Any] | None:
        oldest = self._clock() - LIFE
        for stale in [one for one, (began, _) in self._known.items() if began <= oldest]:
            del self._known[stale]
        return self._known[key][1] if key in self._known else None

    def _run(self, key: Hashable, future: Future[Any], compute: Callable[[], Any]) -> None:
        try:
            future.set_result(compute())
        except BaseException as error:
            future.set_exception(error)
            with self._lock:
                if self._known.get(key, (0.0, None))[1] is future:
                    del self._known[key]


_SHARED = Shared()


def shared(who: Who, key: tuple[Hashable, ...], compute: Callable[[], Result]) -> Result:
    """`compute()` for those who may read, once for all who ask the same with the same scopes within LIFE seconds.

    Raises ForbiddenError, and what `compute` raises.
    """
    require(who.principal, "read")
    return _SHARED.of((who.engine, who.principal.scopes, *key), compute)
