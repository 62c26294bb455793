"""The one hash that assigns: HMAC-SHA256 under a salt; a domain for each question makes the answers independent."""

import hmac

UNIT_BUCKETS = 256
_SEPARATOR = "\x1f"


def h(salt: bytes, domain: str, *parts: str) -> float:
    """A number in [0, 1) with 53 random bits, a pure function of its arguments.

    Domains: enrol, layer, variant, draw, holdout, bucket. Within a domain only the unit's id is free text, and the
    number of parts is fixed, so that no two questions share a message.
    """
    digest = hmac.digest(salt, _SEPARATOR.join((domain, *parts)).encode(), "sha256")
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def unit_bucket(salt: bytes, unit_id: str) -> int:
    """The unit's bucket in rollups, 0 to 255."""
    return int(h(salt, "bucket", unit_id) * UNIT_BUCKETS)
