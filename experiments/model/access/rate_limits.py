"""How often a key may call: so many requests in a second or a minute, and how many of them at once."""

import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from experiments.errors import TooManyError
from experiments.settings import RATE

Per = Literal["second", "minute"]
MOST = 999_999
_SECONDS: dict[str, float] = {"second": 1.0, "minute": 60.0}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`requests` per second or minute on average; up to `burst` at once after a pause."""

    requests: int
    per: Per
    burst: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / _SECONDS[self.per]

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """From `100/second` or `600/minute,50`, the burst behind the comma. Raises ValueError."""
        found = re.fullmatch(RATE, text.strip())
        if found is None:
            raise ValueError("must be such as 100/second, or 600/minute,50 with the burst behind the comma")
        requests, per, burst = found.groups()
        return cls(int(requests), "second" if per == "second" else "minute", int(burst or requests))

    def __str__(self) -> str:
        return f"{self.requests}/{self.per},{self.burst}"


class Bucket:
    """Tokens that come at a limit's rate, up to its burst; safe for threads.

    A call needs one whole token. The rows of its body are taken on credit, so that a body larger than the burst is
    admitted, and the calls after it wait until it is paid off.
    """

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic, owner: str = "") -> None:
        self.limit = limit
        self._owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens, self._at = float(limit.burst), clock()

    def take(self) -> None:
        """One call. Raises TooManyError with the seconds until the next one is admitted."""
        with self._lock:
            self._fill()
            if self._tokens < 1.0:
                wait = max(1, math.ceil((1.0 - self._tokens) / self.limit.rate))
                told = f"{self.limit.requests:,} a {self.limit.per}, {self.limit.burst:,} at once"
                raise TooManyError(f"this key may call {told}; wait {wait} s", wait, self._owner)
            self._tokens -= 1.0

    def charge(self, rows: int) -> None:
        """What an admitted call holds beyond its first row."""
        with self._lock:
            self._fill()
            self._tokens -= rows

    def _fill(self) -> None:
        moment = self._clock()
        self._tokens = min(float(self.limit.burst), self._tokens + (moment - self._at) * self.limit.rate)
        self._at = moment
