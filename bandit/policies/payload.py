"""The bytes of a learned policy: a JSON header, a body, and a checksum over both.

The checksum stands before the body is used: Vowpal Wabbit reads damaged models without complaint, or not at all.
"""

import json
import struct
import zlib
from typing import Any

from bandit.errors import SnapshotError

_HEAD = struct.Struct("<4sII")
_MAGIC = b"WBP1"


def pack(header: dict[str, Any], body: bytes = b"") -> bytes:
    """Header and body as one string of bytes."""
    text = json.dumps(header, separators=(",", ":")).encode()
    content = text + body
    return _HEAD.pack(_MAGIC, len(text), zlib.crc32(content)) + content


def unpack(data: bytes, **expected: object) -> tuple[dict[str, Any], bytes]:
    """(header, body). Raises SnapshotError for foreign or damaged bytes, or a header that differs from `expected`."""
    if len(data) < _HEAD.size:
        raise SnapshotError("too short for a policy's snapshot")
    magic, length, checksum = _HEAD.unpack_from(data)
    content = data[_HEAD.size :]
    if magic != _MAGIC or zlib.crc32(content) != checksum:
        raise SnapshotError("not a policy's snapshot, or damaged")
    header: dict[str, Any] = json.loads(content[:length])
    for name, value in expected.items():
        if header.get(name) != value:
            raise SnapshotError(f"the snapshot's {name} is {header.get(name)!r}, not {value!r}")
    return header, content[length:]
