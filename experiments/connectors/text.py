"""CSV and its kin, read as text: types are inferred later, so that a value of the wrong type costs its row alone."""

import csv as plain_csv
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from experiments.connectors.connector import Malformed, Source, unreadable

MISSING = ["", "NULL", "null", "NaN", "nan"]
_BLANKS = re.compile(rb"[ \t]+")
_CHUNK = 1 << 20
_LONGEST_ROW = 1 << 26
Rows = tuple[pa.Table, tuple[Malformed, ...]]


class SingleSpaced(io.RawIOBase):
    """A file in which every run of blanks between columns is one tab; none at the start or end of a line."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner, self._ready, self._rest, self._over = inner, b"", b"", False

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer."""
        while not self._ready and not self._over:
            chunk = self._inner.read(_CHUNK)
            self._over = not chunk
            text = self._rest + chunk
            cut = len(text) if self._over else text.rfind(b"\n") + 1
            self._rest, lines = text[cut:], text[:cut]
            self._ready = b"\n".join(_BLANKS.sub(b"\t", line.strip()) for line in lines.split(b"\n"))
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count


def read_text(stream: BinaryIO, source: Source) -> Iterator[Rows]:
    """Batches of a delimited text, every column as text. Raises InvalidError where it is none."""
    blanks = source.delimiter == "whitespace"
    inner: Any = SingleSpaced(stream) if blanks else stream
    plain = io.BufferedReader(inner, _CHUNK)
    try:
        delimiter = "\t" if blanks else (source.delimiter or ",")
        names = _names(plain, delimiter, source.header)
        seen = 0
        for block in _blocks(plain, source.batch_bytes) if names else ():
            table, malformed = _parsed(block, names, delimiter, seen)
            seen += table.num_rows + len(malformed)
            yield table, malformed
    finally:
        # Closed by whoever opened it, not by what was put around it.
        plain.detach()


def _parsed(block: bytes, names: list[str], delimiter: str, before: int) -> Rows:
    found: list[Malformed] = []

    def note(row: Any) -> str:
        reason = f"has {row.actual_columns} columns where the header has {row.expected_columns}"
        found.append(Malformed(before + row.number, row.text, reason))
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), null_values=MISSING, strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid as error:
        raise unreadable(f"cannot be read as delimited text: {error}") from error
    return _as_text(table), tuple(found)


def _blocks(stream: io.BufferedReader, size: int) -> Iterator[bytes]:
    """The text in pieces of whole rows: the same ones each time."""
    rest = b""
    while chunk := stream.read(size):
        text = rest + chunk
        # A short read is the last one.
        cut = _end_of_row(text) if len(chunk) == size else len(text)
        if not cut and len(text) > _LONGEST_ROW:
            raise unreadable(f"a row is longer than {_LONGEST_ROW:,} bytes; is there a quote that is never closed?")
        rest, block = text[cut:], text[:cut]
        if block.strip():
            yield block
    if rest.strip():
        yield rest


def _end_of_row(text: bytes) -> int:
    """Behind the last newline that is not within quotes; 0 where there is none."""
    place = text.rfind(b"\n")
    while place >= 0 and text.count(b'"', 0, place) % 2:
        place = text.rfind(b"\n", 0, place)
    return place + 1


def _names(stream: io.BufferedReader, delimiter: str, header: bool) -> list[str]:
    """Names of the columns; a header is read away. Raises InvalidError where two are the same."""
    line = stream.readline() if header else stream.peek(_CHUNK).split(b"\n", 1)[0]
    text = line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    if not text:
        return []
    named = next(plain_csv.reader([text], delimiter=delimiter))
    if not header:
        return [str(place) for place in range(1, len(named) + 1)]
    names = [name.strip() for name in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise unreadable(f"two columns are called {twice[0]!r}; give them different names")
    return names


def _as_text(table: pa.Table) -> pa.Table:
    return pa.table({name: _decoded(table[name]) for name in table.column_names})


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes as text; what is no UTF-8 keeps its readable part, so that one bad byte costs no more than its value."""
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        values = (None if value is None else value.decode("utf-8", errors="replace") for value in column.to_pylist())
        return pa.chunked_array([pa.array(values, pa.string())])
