"""What stands for a person who was erased: keyed hashes, so that who is told the id again knows it, and nobody else.

HMAC-SHA256 (RFC 2104) under the service's own key, 128 bits of it in hexadecimal.
"""

import hmac
import re
from typing import NamedTuple

_DIGITS = 32
_BLOCK = 64
PSEUDONYM = rf"erased-[0-9a-f]{{{_DIGITS}}}(-[0-9]+)?"
"""A pattern of what takes units' places."""
_PSEUDONYM = re.compile(PSEUDONYM)
SOURCE = "erased"
"""The source of an erased person's outcomes: sources are free text too."""


class Person(NamedTuple):
    """Somebody who is being erased.

    Attributes:
        unit_id: the caller's own id, to be forgotten.
        pseudonym: what takes its place, the same everywhere.
        times: how often the unit was erased, this time included.
        key: the service's key for hashes.
        decisions: ids of the unit's decisions.
        at: the instant of the erasure, in microseconds.
    """

    unit_id: str
    pseudonym: str
    times: int
    key: bytes
    decisions: frozenset[int]
    at: int


def unit_hash(key: bytes, unit_id: str) -> str:
    """What an erased unit is known by."""
    return _hash(key, "unit", unit_id)


def unit_hash_parts(key: bytes) -> tuple[bytes, bytes, int]:
    """For engines that have SHA-256 alone: hash(outer + hash(inner + id)) to this many digits is the `unit_hash`."""
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded) for pad in (0x36, 0x5C))
    return inner + b"unit\0", outer, _DIGITS


def pseudonym_of(hashed: str, times: int) -> str:
    """What takes a unit's place; somebody erased again is another one: rows of the first time hold the place."""
    return f"erased-{hashed}" if times == 1 else f"erased-{hashed}-{times}"


def is_pseudonym(unit_id: str) -> bool:
    """Whether this is, or looks like, what takes an erased unit's place."""
    return unit_id.startswith("erased-") and _PSEUDONYM.fullmatch(unit_id) is not None


def event_hash(key: bytes, source: str, event_id: str) -> str:
    """The event id of an erased person's outcome."""
    return _hash(key, "event", source, event_id)


def exposure_hash(key: bytes, exposure_id: str) -> str:
    """The exposure id of an erased person's exposure without a decision."""
    return _hash(key, "exposure", exposure_id)


def _hash(key: bytes, *parts: str) -> str:
    # No id holds NUL.
    return hmac.digest(key, "\0".join(parts).encode(), "sha256").hex()[:_DIGITS]
