"""Instants are integers: microseconds since 1970 in UTC. One form for SQLite, PostgreSQL and every comparison."""

import time
from datetime import UTC, datetime, timedelta

MICROSECOND = 1
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """The server's clock."""
    return time.time_ns() // 1000


def to_micros(moment: datetime) -> int:
    """An aware datetime as microseconds; exact, unlike a detour over floats. Raises ValueError where naive."""
    if moment.tzinfo is None:
        raise ValueError("the time has no offset; write e.g. 2026-01-31T12:00:00Z")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def duration_micros(length: timedelta) -> int:
    """A duration in microseconds."""
    return length // timedelta(microseconds=1)


def to_datetime(micros: int) -> datetime:
    """The aware datetime of an instant."""
    return _EPOCH + timedelta(microseconds=micros)


def to_rfc3339(micros: int) -> str:
    """RFC 3339 in UTC with a trailing Z, microseconds only where there are any."""
    return to_datetime(micros).isoformat().replace("+00:00", "Z")
