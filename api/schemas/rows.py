"""Bodies of many rows, read row by row: one bad row must not take the others with it."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from msgspec import Struct

from api.errors import msgspec_fault
from api.schemas.faults import faults_of
from experiments.errors import Fault, InvalidError, TooLargeError

MOST_ROWS = 1000
LARGE = 131_072
"""Bytes from which on the faults of a document are not looked for one by one: it would be read a second time, whole,
and whoever else calls meanwhile would wait for that (one call of the JSON reader lets nobody else run)."""
_FIRST = f"this is the first fault; of a document over {LARGE:,} bytes no others are told"
MOST_FAULTS_OF_A_ROW, MOST_FAULTS_OF_ROWS = 20, 1000
Row = TypeVar("Row", bound=Struct)

_as_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_as_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def rows_of(body: bytes, name: str) -> list[msgspec.Raw] | None:
    """The rows of a bare list, or of an object whose only member is `name`; None where it is neither.

    Raises DecodeError where the body is no JSON, InvalidError where `name` holds no list, TooLargeError.
    """
    rows = _as_list(body) if body.lstrip()[:1] == b"[" else _member(body, name)
    if rows is not None and len(rows) > MOST_ROWS:
        raise TooLargeError(f"{len(rows):,} rows in one body; at most {MOST_ROWS:,}")
    return rows


def read_rows(decoder: "msgspec.json.Decoder[Row]", rows: Iterable[bytes | msgspec.Raw]) -> list[Row | list[Fault]]:
    """Each row, or what is wrong with it: everything in the first bad rows, the first fault of those that follow."""
    read: list[Row | list[Fault]] = []
    left = MOST_FAULTS_OF_ROWS
    for row in rows:
        found = _read_row(decoder, row, everything=left > 0)
        left -= len(found) if isinstance(found, list) else 0
        read.append(found)
    return read


def read_body(decoder: "msgspec.json.Decoder[Row]", body: bytes) -> Row:
    """The body. Raises InvalidError with every fault (of a large body the first), DecodeError where it is no JSON."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if len(body) > LARGE:
            raise InvalidError([msgspec_fault(error), Fault("", _FIRST)]) from error
        raise InvalidError(faults_of(decoder.type, body) or [Fault("", str(error))]) from error


def _read_row(decoder: "msgspec.json.Decoder[Row]", row: bytes | msgspec.Raw, everything: bool) -> Row | list[Fault]:
    try:
        return decoder.decode(row)
    except msgspec.ValidationError as error:
        first = [msgspec_fault(error)]
        everything = everything and memoryview(row).nbytes <= LARGE
        return (everything and faults_of(decoder.type, row, MOST_FAULTS_OF_A_ROW)) or first
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [Fault("", f"not JSON: {error}")]


def _member(body: bytes, name: str) -> list[msgspec.Raw] | None:
    try:
        members = _as_object(body)
    except msgspec.ValidationError:
        return None
    if set(members) != {name}:
        return None
    try:
        return _as_list(members[name])
    except msgspec.ValidationError as error:
        raise InvalidError([Fault(f"/{name}", "must be a list")]) from error
