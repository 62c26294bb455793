"""What is refused before it is a request: its problem document as bytes, a counter, a line in the log now and then."""

import time
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import msgspec
import prometheus_client
import structlog

from api.errors import problem_document
from api.headers import SECURITY

_SECONDS_BETWEEN_LINES = 60.0
_REFUSED = prometheus_client.Counter(
    "winback_refused_connections", "Connections closed over what they sent, by status.", ["status"]
)
_log = structlog.get_logger("winback.api")


class Refusals:
    """Counts refusals. Anybody can cause them, so a line for each would be one more thing to fill a disk with."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()
        self._told = float("-inf")

    def count(self, status: int) -> None:
        """One more; told at once or, with those that follow, after the minute that the last line began."""
        _REFUSED.labels(status).inc()
        self._seen[status] += 1
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            by_status = {str(status): count for status, count in sorted(self._seen.items())}
            _log.warning("connections refused", by_status=by_status)
            self._seen.clear()


def too_large(limit: int) -> str:
    """What a caller is told whose body is over the limit."""
    return f"the body is larger than the {limit:,} bytes that one request may have; send several"


def answer_bytes(status: int, detail: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole HTTP answer, the last of its connection."""
    document = problem_document(status, detail)
    body = msgspec.json.encode(document)
    head = [f"HTTP/1.1 {status} {document['title']}".encode()]
    head += [name + b": " + value for name, value in chain(headers, SECURITY)]
    head += [
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"connection: close",
    ]
    return b"\r\n".join([*head, b"", body])
