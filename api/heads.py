"""What the head of a request may be: its size, its number of headers, and the body that it announces."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.refusals import too_large

MOST_HEADERS = 100
MOST_URL_BYTES = 8_192

Refusal = tuple[int, str]
"""A status and what the caller is told."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may have: bytes, and seconds from its first byte."""

    head_bytes: int
    body_bytes: int
    head_seconds: float
    body_seconds: float


def fault_of_head(limits: Limits, url: bytes, headers: Sequence[tuple[bytes, bytes]], upgrades: bool) -> Refusal | None:
    """Why a complete head is not taken, as far as that does not depend on its size."""
    if len(url) > MOST_URL_BYTES:
        return head_too_large(limits, url)
    if len(headers) > MOST_HEADERS:
        return 431, f"{len(headers):,} headers; a request has at most {MOST_HEADERS}"
    for name, value in headers:
        if name == b"content-length":
            return _fault_of_body(limits, int(value), upgrades)
        if name == b"transfer-encoding":
            return _fault_of_body(limits, 1, upgrades)
    return None


def is_too_large(limits: Limits, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a complete head is over the limit."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers) > limits.head_bytes


def head_too_large(limits: Limits, url: bytes) -> Refusal:
    """How a head over the limit is refused."""
    if len(url) > MOST_URL_BYTES:
        return 414, f"the address is longer than {MOST_URL_BYTES:,} bytes; what is long belongs into a body"
    most = f"{limits.head_bytes:,}"
    return 431, f"the headers are larger than {most} bytes in all; send fewer, or raise WINBACK_MAX_HEADER_BYTES"


def _fault_of_body(limits: Limits, length: int, upgrades: bool) -> Refusal | None:
    if length > limits.body_bytes:
        return 413, too_large(limits.body_bytes)
    if upgrades and length > 0:
        # The parser takes what follows an upgrade for another protocol: the body would be lost.
        return 400, "only HTTP/1.1 is spoken here; send the request without Upgrade (of Java's client: HTTP_1_1)"
    return None
