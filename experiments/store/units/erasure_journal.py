"""Who was erased, written down beside the database too: a database that is restored has forgotten who was erased since.

Lines of JSON, only ever appended; keyed hashes, no ids. Of a unit the line of its last erasure counts.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from experiments.model.tables.profiles import Erasure

NAME = "erasures.jsonl"


class Line(msgspec.Struct, frozen=True):
    """One erasure."""

    unit_hash: str
    times: int
    tombstone: str
    erased_at: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def line_of(row: Erasure) -> Line:
    """What is written of an erasure."""
    return Line(row.unit_hash, row.times, row.tombstone, row.erased_at)


def append(folder: Path, rows: Iterable[Erasure]) -> None:
    """Write erasures down, on disk when it returns. Twice does no harm."""
    extend(folder, map(line_of, rows))


def extend(folder: Path, lines: Iterable[Line]) -> None:
    """Take over erasures that were written down elsewhere."""
    text = b"".join(_encode(line) + b"\n" for line in lines)
    if not text:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+b") as file:
        if file.tell() and not _ends_a_line(file):
            text = b"\n" + text
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(file: BinaryIO) -> bool:
    """A crash may have cut off the last one."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def read(folder: Path) -> Mapping[str, Line]:
    """The last erasure of each unit, by its hash; a line that was cut off by a crash is left out."""
    path, found = folder / NAME, dict[str, Line]()
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = _decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if line.unit_hash not in found or line.times >= found[line.unit_hash].times:
            found[line.unit_hash] = line
    return found
