"""The one hash that assigns: HMAC-SHA256 under a salt; a domain for each question makes the answers independent."""

import hashlib
from functools import lru_cache

UNIT_BUCKETS = 256
_SEPARATOR = "\x1f"
_BLOCK = 64


def h(salt: bytes, domain: str, *parts: str) -> float:
    """A number in [0, 1) with 53 random bits, a pure function of its arguments.

    Domains: enrol, layer, variant, draw, holdout, bucket, batch. Within a domain only the unit's id is free text, and
    the number of parts is fixed, so that no two questions share a message.
    """
    return (int.from_bytes(_digest(salt, domain, *parts)[:8], "big") >> 11) * 2.0**-53


def unit_bucket(salt: bytes, unit_id: str) -> int:
    """The unit's bucket in rollups, 0 to 255: int(256 h)."""
    return _digest(salt, "bucket", unit_id)[0]


def unit_number(salt: bytes, unit_id: str) -> int:
    """64 bits that stand for the unit; the first 8 of them are its bucket."""
    return int.from_bytes(_digest(salt, "bucket", unit_id)[:8], "big")


def place_in_batch(salt: bytes, number: int, name: str) -> int:
    """64 bits by which a batch is put in a random order; `name` is a unit, or the number of a file's row."""
    return int.from_bytes(_digest(salt, "batch", str(number), name)[:8], "big")


def _digest(salt: bytes, *parts: str) -> bytes:
    keyed_inner, keyed_outer = _keyed(salt)
    inner, outer = keyed_inner.copy(), keyed_outer.copy()
    inner.update(_SEPARATOR.join(parts).encode())
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=1024)
def _keyed(salt: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """HMAC's two hashes after their padded key (RFC 2104): going on from these takes less than half the time."""
    key = (hashlib.sha256(salt).digest() if len(salt) > _BLOCK else salt).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    return inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
