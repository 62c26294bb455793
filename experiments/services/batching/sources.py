"""Where a batch's units come from: pages of requests from a place on, always in the same order."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError
from experiments.services.batching.requesting import BatchRequest
from experiments.services.deciding.messages import Assignment
from experiments.store.batches import count_members, count_units, segment_pages, unit_pages

PAGE = 4096


class Page(NamedTuple):
    """Some requests, and the place after them. What is no request comes as the reason why."""

    after: str
    requests: list[Assignment | InvalidError]


def pages(engine: Engine, request: BatchRequest, after: str | None) -> Iterator[Page]:
    """The pages after a place. Raises InvalidError where the file is not the one that was asked for."""
    if request.path is not None:
        yield from _file_pages(request, int(after or 0))
        return
    if request.segment is not None:
        found = segment_pages(engine, request.segment, request.values, after or "", PAGE)
    else:
        found = unit_pages(engine, after or "", PAGE)
    for units in found:
        yield Page(units[-1], [Assignment(unit) for unit in units])


def count(engine: Engine, request: BatchRequest) -> int | None:
    """How many there are; None where only reading all of it would tell."""
    if request.path is not None:
        path = Path(request.path)
        return pq.ParquetFile(path).metadata.num_rows if path.suffix == ".parquet" else None
    if request.segment is not None:
        return count_members(engine, request.segment, request.values)
    return count_units(engine)


def _file_pages(request: BatchRequest, skip: int) -> Iterator[Page]:
    path = Path(str(request.path))
    found = path.stat()
    if request.fingerprint is not None and (found.st_size, found.st_mtime_ns) != tuple(request.fingerprint):
        raise InvalidError([Fault("/file", f"{path.name} has changed since the batch was asked for")])
    row = 0
    for rows in _READERS[path.suffix](path):
        row += len(rows)
        if row > skip:
            chosen = rows[max(0, len(rows) - (row - skip)) :]
            yield Page(str(row), [_request(each) for each in chosen])


def _request(row: Mapping[str, Any] | bytes) -> Assignment | InvalidError:
    try:
        if isinstance(row, bytes):
            return _decode(row)
        context = {name: value for name, value in row.items() if name != "unit_id" and value is not None}
        return msgspec.convert({"unit_id": row.get("unit_id"), "context": context}, Assignment)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return InvalidError([Fault("", str(error))])


_decode = msgspec.json.Decoder(Assignment).decode


def _parquet(path: Path) -> Iterator[list[Any]]:
    for batch in pq.ParquetFile(path).iter_batches(PAGE):
        yield _plain(batch)


def _csv(path: Path) -> Iterator[list[Any]]:
    ids = pa_csv.ConvertOptions(column_types={"unit_id": pa.string()}, strings_can_be_null=True)
    with pa_csv.open_csv(path, convert_options=ids) as reader:
        for batch in reader:
            for start in range(0, len(batch), PAGE):
                yield _plain(batch.slice(start, PAGE))


def _jsonl(path: Path) -> Iterator[list[Any]]:
    with path.open("rb") as lines:
        page = []
        for line in lines:
            page.append(line)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page


def _plain(batch: pa.RecordBatch) -> list[Any]:
    place = batch.schema.get_field_index("unit_id")
    if place >= 0 and not pa.types.is_string(batch.schema.field(place).type):
        batch = batch.set_column(place, "unit_id", batch.column(place).cast(pa.string()))
    rows: list[Any] = batch.to_pylist()
    return rows


_READERS: dict[str, Callable[[Path], Iterator[list[Any]]]] = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}
