"""An envelope for learned things that knows no kind: policies and outcome models alike.

Stored bytes = magic, SHA-256 of the rest, and the rest compressed: a JSON head and the payload. Snapshots are stored
often and read rarely, hence the fastest level of compression. Serialising twice need not give equal bytes, so a
snapshot's identity is the hash of the bytes that were stored, never of what they mean.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandit.errors import SnapshotError

_MAGIC = b"WBS1"
_DIGEST = 32
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Something learned, with its provenance.

    Attributes:
        kind: what reads the payload, e.g. `policy`.
        spec: what it was built from; JSON-able.
        feature_version: version of the encoding it learned with.
        payload: the kind's own bytes.
        parent: fingerprint of the snapshot it was learned from.
        trained_through: sequence number of the last round learned; 0 before the first.
        rows: rounds learned in all.
    """

    kind: str
    spec: Mapping[str, Any]
    feature_version: int
    payload: bytes = field(repr=False)
    parent: str | None = None
    trained_through: int = 0
    rows: int = 0


def fingerprint(data: bytes) -> str:
    """The identity of stored bytes: their SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def seal(snapshot: Snapshot) -> bytes:
    """The bytes to store."""
    head = {
        "kind": snapshot.kind,
        "spec": dict(snapshot.spec),
        "feature_version": snapshot.feature_version,
        "parent": snapshot.parent,
        "trained_through": snapshot.trained_through,
        "rows": snapshot.rows,
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    body = zlib.compress(_LENGTH.pack(len(text)) + text + snapshot.payload, 1)
    return _MAGIC + hashlib.sha256(body).digest() + body


def open_snapshot(data: bytes, expected: str | None = None) -> Snapshot:
    """The inverse of `seal`. Raises SnapshotError for altered or foreign bytes, or for others than those expected."""
    if expected is not None and fingerprint(data) != expected:
        raise SnapshotError(f"the bytes are not those of snapshot {expected}")
    start = len(_MAGIC) + _DIGEST
    body = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != data[len(_MAGIC) : start]:
        raise SnapshotError("not a snapshot, or altered")
    content = zlib.decompress(body)
    (length,) = _LENGTH.unpack_from(content)
    head = json.loads(content[_LENGTH.size : _LENGTH.size + length])
    return Snapshot(payload=content[_LENGTH.size + length :], **head)
