"""What a message says around its rows: CloudEvents 1.0 (structured JSON) or our own envelope, both with a version.

Ours: `{"v": 1, "type": "outcome", "id": "m-1", "source": "shop", "data": {...} or [...]}`.
CloudEvents: `{"specversion": "1.0", "type": "winback.outcome.v1", "id": "m-1", "source": "shop", "data": ...}`.
"""

from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

MOST_ROWS = 1000
"""Rows of one message, as in a body of HTTP."""

LONGEST_ID = 512
_NO_DATA = Raw(b"")


class MalformedError(Exception):
    """A message that cannot be taken, whoever tries it; the sentence says why."""


class Envelope(NamedTuple):
    """One message opened: `data` is the JSON of a row or of a list of rows; `body` is all of it, as it came."""

    id: str
    source: str
    data: bytes
    body: bytes

    @property
    def single(self) -> bool:
        """Whether it holds one row rather than a list."""
        return self.data[:1] != b"["


class _Outside(Struct):
    type: str
    id: str = ""
    source: str = ""
    v: int | None = None
    specversion: str | None = None
    data: Raw = _NO_DATA


_decode = msgspec.json.Decoder(_Outside).decode
_encode = msgspec.json.Encoder().encode


def open_envelope(body: bytes, kind: str) -> Envelope:
    """The message, which must be of this kind. Raises MalformedError."""
    try:
        outside = _decode(body)
    except msgspec.ValidationError as error:
        raise MalformedError(f"neither our envelope nor a CloudEvent: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    _check_version(outside, kind)
    data = bytes(outside.data).strip()
    if not data:
        raise MalformedError("no data")
    if max(len(outside.id), len(outside.source)) > LONGEST_ID:
        raise MalformedError(f"an id or source longer than {LONGEST_ID} characters")
    return Envelope(outside.id, outside.source, data, body)


def sealed(kind: str, number: str, source: str, data: bytes) -> bytes:
    """A message of ours around rows in JSON."""
    return _encode({"v": 1, "type": kind, "id": number, "source": source, "data": Raw(data)})


def rows_of(envelope: Envelope) -> list[bytes]:
    """The JSON of each row. Raises MalformedError where there are too many."""
    if envelope.single:
        return [envelope.data]
    try:
        rows = msgspec.json.decode(envelope.data, type=list[Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    if len(rows) > MOST_ROWS:
        raise MalformedError(f"{len(rows):,} rows in one message; at most {MOST_ROWS:,}")
    return [bytes(row) for row in rows]


def _check_version(outside: _Outside, kind: str) -> None:
    if outside.specversion is not None:
        if not outside.specversion.startswith("1."):
            raise MalformedError(f"CloudEvents {outside.specversion[:20]} is not known here; 1.0 is")
        if not outside.id or not outside.source:
            raise MalformedError("a CloudEvent has an id and a source")
        wanted = f"winback.{kind}.v1"
    elif outside.v is not None:
        if outside.v != 1:
            raise MalformedError(f"version {outside.v} of the envelope is not known here; 1 is")
        wanted = kind
    else:
        raise MalformedError("says neither v (our envelope) nor specversion (CloudEvents)")
    if outside.type != wanted:
        raise MalformedError(f"is of type {outside.type[:100]!r}; this stream takes {wanted!r}")
