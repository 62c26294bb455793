"""Files: delimited text and JSON lines, plain or compressed by gzip, and Parquet."""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.connectors.connector import Batch, Malformed, Position, Source, table_of, unreadable
from experiments.connectors.text import Rows, read_text

_decode = msgspec.json.Decoder().decode


def accepts(address: str) -> bool:
    """Whether this is a path: everything that is no URL."""
    return "://" not in address


class File:
    """One file. A position counts the batches read: cut at the same places each time."""

    resumable: bool = True

    def __init__(self, source: Source) -> None:
        self._source, self._path = source, Path(source.address)
        if not self._path.is_file():
            raise unreadable(f"there is no file {source.address}")
        self.label = self._path.name
        self.fingerprint: str | None = _digest(self._path)
        self._read = _reader(self._path.name.lower())

    def batches(self, position: Position) -> Iterator[Batch]:
        """See Connector."""
        behind = int(position.get("batches", 0))
        total = self._path.stat().st_size
        with self._path.open("rb") as raw:
            for number, (table, malformed) in enumerate(self._read(raw, self._source), 1):
                if number > behind:
                    yield Batch(table, {"batches": number}, malformed, min(raw.tell(), total), total)


def read_json_lines(stream: BinaryIO, source: Source) -> Iterator[Rows]:
    """One JSON object a line."""
    lines: list[tuple[int, bytes]] = []
    size = 0
    for number, line in enumerate(stream, 1):
        lines.append((number, line))
        size += len(line)
        if size >= source.batch_bytes:
            yield _objects(lines)
            lines, size = [], 0
    if lines:
        yield _objects(lines)


def _objects(lines: list[tuple[int, bytes]]) -> Rows:
    rows, malformed = [], []
    for number, line in lines:
        try:
            found = _decode(line) if line.strip() else None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            malformed.append(Malformed(number, line.decode(errors="replace").rstrip(), f"no JSON: {error}"))
            continue
        if isinstance(found, dict):
            rows.append(found)
        elif found is not None:
            malformed.append(Malformed(number, line.decode(errors="replace").rstrip(), "no JSON object"))
    return table_of(rows), tuple(malformed)


def _parquet(stream: BinaryIO, source: Source) -> Iterator[Rows]:
    try:
        opened = pq.ParquetFile(stream)
        for batch in opened.iter_batches(batch_size=max(1, source.batch_rows * 5)):
            yield pa.Table.from_batches([batch]), ()
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(f"cannot be read as Parquet: {error}") from error


def _unzipped(read: Callable[[BinaryIO, Source], Iterator[Rows]]) -> Callable[[BinaryIO, Source], Iterator[Rows]]:
    def through(stream: BinaryIO, source: Source) -> Iterator[Rows]:
        try:
            with gzip.GzipFile(fileobj=stream) as unzipped:
                yield from read(cast(BinaryIO, unzipped), source)
        except (gzip.BadGzipFile, EOFError) as error:
            raise unreadable(f"cannot be read as gzip: {error}") from error

    return through


def _tabs(stream: BinaryIO, source: Source) -> Iterator[Rows]:
    return read_text(stream, source if source.delimiter else replace(source, delimiter="\t"))


_READERS: dict[str, Callable[[BinaryIO, Source], Iterator[Rows]]] = {
    ".parquet": _parquet,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".tsv": _tabs,
}
"""By the end of the name; what is not here is delimited text."""


def _reader(name: str) -> Callable[[BinaryIO, Source], Iterator[Rows]]:
    plain = name.removesuffix(".gz")
    read = next((read for suffix, read in _READERS.items() if plain.endswith(suffix)), read_text)
    return _unzipped(read) if name.endswith(".gz") else read


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
