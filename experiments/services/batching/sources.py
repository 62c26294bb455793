"""Where a batch's units come from: pages of requests from a place on, always in the same order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError
from experiments.services.batching.ordering import Order, shuffled_rows, shuffled_units
from experiments.services.batching.request import BatchRequest
from experiments.services.deciding.messages import Assignment
from experiments.store.batching.batches import count_members, count_units, present_units, segment_pages, unit_pages

PAGE = 4096

_MOST_FEATURES, _LONGEST_UNIT, _LONGEST_NAME, _LONGEST_TEXT = 1000, 512, 200, 1000
_PLAIN = (pa.types.is_signed_integer, pa.types.is_float32, pa.types.is_float64, pa.types.is_boolean)


class Page(NamedTuple):
    """Some requests, and the place after them. What is no request comes as the reason why."""

    after: str
    requests: list[Assignment | InvalidError]


def pages(engine: Engine, request: BatchRequest, after: str | None, order: Order | None = None) -> Iterator[Page]:
    """The pages after a place, in a random order where one is given.

    Raises InvalidError where the file is not the one that was asked for.
    """
    if request.path is not None:
        path = _unchanged(request)
        found = _READERS[path.suffix](path)
        yield from _file_pages(found if order is None else _shuffled(found, order), int(after or 0))
    elif order is None:
        for units in _unit_pages(engine, request, after or ""):
            yield Page(units[-1], [Assignment(unit) for unit in units])
    else:
        everybody = [unit for units in _unit_pages(engine, request, "") for unit in units]
        for place, units in shuffled_units(everybody, order, after or "", PAGE):
            # Who was erased or left the segment while others were decided is not asked for.
            there = present_units(engine, units, request.segment, request.values)
            yield Page(place, [Assignment(unit) for unit in units if unit in there])


def _unit_pages(engine: Engine, request: BatchRequest, after: str) -> Iterator[list[str]]:
    if request.segment is not None:
        return segment_pages(engine, request.segment, request.values, after, PAGE)
    return unit_pages(engine, after, PAGE)


def count(engine: Engine, request: BatchRequest) -> int | None:
    """How many there are; None where only reading all of it would tell."""
    if request.assignments is not None:
        return request.assignments
    if request.path is not None:
        path = Path(request.path)
        return pq.ParquetFile(path).metadata.num_rows if path.suffix == ".parquet" else None
    if request.segment is not None:
        return count_members(engine, request.segment, request.values)
    return count_units(engine)


def _unchanged(request: BatchRequest) -> Path:
    path = Path(str(request.path))
    found = path.stat()
    if request.fingerprint is not None and (found.st_size, found.st_mtime_ns) != tuple(request.fingerprint):
        raise InvalidError([Fault("/file", f"{path.name} has changed since the batch was asked for")])
    return path


def _file_pages(found: Iterable[list[bytes] | pa.RecordBatch], skip: int) -> Iterator[Page]:
    row = 0
    for rows in found:
        row += len(rows)
        if row > skip:
            chosen = rows[max(0, len(rows) - (row - skip)) :]
            yield Page(str(row), _line_requests(chosen) if isinstance(chosen, list) else _row_requests(chosen))


def _shuffled(found: Iterable[list[bytes] | pa.RecordBatch], order: Order) -> Iterator[list[bytes] | pa.RecordBatch]:
    """All rows in the batch's order: they are held in memory, as they are in the file."""
    read = list(found)
    lines = [line for rows in read if isinstance(rows, list) for line in rows]
    batches = [rows for rows in read if not isinstance(rows, list)]
    table = pa.Table.from_batches(batches) if batches else None
    ranks = shuffled_rows(len(lines) if table is None else len(table), order)
    for start in range(0, len(ranks), PAGE):
        chosen = ranks[start : start + PAGE]
        if table is None:
            yield [lines[n] for n in chosen]
        else:
            yield from table.take(chosen).combine_chunks().to_batches()


def _line_requests(lines: Sequence[bytes]) -> list[Assignment | InvalidError]:
    return [_request(line) for line in lines]


def _row_requests(rows: pa.RecordBatch) -> list[Assignment | InvalidError]:
    """Where the columns show that every row is a request, none is looked at by itself."""
    if not _all_sound(rows):
        return [_request(row) for row in rows.to_pylist()]
    names = [name for name in rows.schema.names if name != "unit_id"]
    values = zip(*(rows[name].to_pylist() for name in names), strict=True) if names else repeat((), len(rows))
    contexts = [dict(zip(names, each, strict=True)) for each in values]
    if any(rows[name].null_count for name in names):
        contexts = [{name: value for name, value in each.items() if value is not None} for each in contexts]
    return list(map(Assignment, rows["unit_id"].to_pylist(), contexts))


def _all_sound(rows: pa.RecordBatch) -> bool:
    """Whether every row keeps the bounds of an Assignment: a test compares the two."""
    names = rows.schema.names
    if "unit_id" not in names or len(set(names)) < len(names) or len(names) > _MOST_FEATURES:
        return False
    units, others = rows["unit_id"], [rows[name] for name in names if name != "unit_id"]
    if not pa.types.is_string(units.type) or units.null_count or not _within(units, 1, _LONGEST_UNIT):
        return False
    return all(0 < len(name) <= _LONGEST_NAME for name in names) and all(
        any(is_plain(each.type) for is_plain in _PLAIN)
        or (pa.types.is_string(each.type) and _within(each, 0, _LONGEST_TEXT))
        for each in others
    )


def _within(texts: pa.Array, least: int, most: int) -> bool:
    found = pc.min_max(pc.utf8_length(texts)).as_py()
    return found["min"] is None or least <= found["min"] <= found["max"] <= most


def _request(row: Mapping[str, Any] | bytes) -> Assignment | InvalidError:
    if isinstance(row, bytes) and row.isspace():
        return InvalidError([Fault("", "the person was erased")])
    try:
        if isinstance(row, bytes):
            return _decode(row)
        context = {name: value for name, value in row.items() if name != "unit_id" and value is not None}
        return msgspec.convert({"unit_id": row.get("unit_id"), "context": context}, Assignment)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return InvalidError([Fault("", str(error))])


_decode = msgspec.json.Decoder(Assignment).decode


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    for batch in pq.ParquetFile(path).iter_batches(PAGE):
        yield _with_text_ids(batch)


def _csv(path: Path) -> Iterator[pa.RecordBatch]:
    ids = pa_csv.ConvertOptions(column_types={"unit_id": pa.string()}, strings_can_be_null=True)
    with pa_csv.open_csv(path, convert_options=ids) as reader:
        for batch in reader:
            for start in range(0, len(batch), PAGE):
                yield _with_text_ids(batch.slice(start, PAGE))


def _jsonl(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as lines:
        page = []
        for line in lines:
            page.append(line)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page


def _with_text_ids(batch: pa.RecordBatch) -> pa.RecordBatch:
    place = batch.schema.get_field_index("unit_id")
    if place >= 0 and not pa.types.is_string(batch.schema.field(place).type):
        batch = batch.set_column(place, "unit_id", batch.column(place).cast(pa.string()))
    return batch


_READERS: dict[str, Callable[[Path], Iterator[list[bytes] | pa.RecordBatch]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _jsonl,
}
