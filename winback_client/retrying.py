"""When a call is tried again: exponential backoff with full jitter, `Retry-After` honoured, all within a patience."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of a service that may answer later. Every call of this package may be repeated without harm."""


@dataclass(frozen=True)
class Retrying:
    """How often and for how long (seconds) one call is tried. The wait before try n is drawn from [0, base x 2^n]."""

    attempts: int = 3
    base: float = 0.05
    longest: float = 1.0
    patience: float = 2.0


class Attempts:
    """The course of one call."""

    def __init__(self, retrying: Retrying) -> None:
        self._retrying = retrying
        self._failed = 0
        self._until = time.monotonic() + retrying.patience

    def wait_after(self, failure: httpx.Response | httpx.TransportError) -> float | None:
        """Seconds to wait before the next attempt; None where there is none."""
        self._failed += 1
        if self._failed >= self._retrying.attempts:
            return None
        wait = random.uniform(0.0, min(self._retrying.longest, self._retrying.base * 2**self._failed))  # noqa: S311
        wait = max(wait, asked_wait(failure))
        return wait if time.monotonic() + wait <= self._until else None


def asked_wait(failure: httpx.Response | httpx.TransportError) -> float:
    """Seconds that the service asks to be left alone for, in either form of RFC 9110; 0 where it asks for nothing."""
    if not isinstance(failure, httpx.Response):
        return 0.0
    written = failure.headers.get("retry-after", "").strip()
    if written.isdigit():
        return float(written)
    try:
        moment = parsedate_to_datetime(written)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
