"""The result of a batch: parts that are complete or not there, then one Parquet file; CSV and JSON lines from it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from experiments.services.deciding.messages import Assignment, Decision
from experiments.store.batch_results import masked, write_masked

FORMATS = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
"""Format → media type."""

WHOLE = "result.parquet"
"""What the whole result is called."""

_TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        pa.field("unit_id", pa.string()),
        pa.field("assigned", pa.bool_()),
        pa.field("reason", pa.string()),
        pa.field("decision_id", pa.string()),
        pa.field("variant", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("event_type", pa.string()),
        pa.field("reward_kind", pa.string()),
        pa.field("reward_amount", pa.float64()),
        pa.field("payload", pa.string()),
        pa.field("propensity", pa.float64()),
        pa.field("mode", pa.string()),
        pa.field("decided_at", _TIME),
        pa.field("expires_at", _TIME),
    ]
)
"""One row for each unit that was asked for; `reason` of a refused one is `refused: …`, `payload` is JSON."""

Answered = tuple[str, Decision | Exception]
_encode = msgspec.json.Encoder().encode
_PLAIN = [name for name in SCHEMA.names if name not in ("payload", "unit_id")]


def result_table(answers: Sequence[Answered]) -> pa.Table:
    """Answers as rows, in their order."""
    refused = Decision("", 0, "", False, "no_arm")
    found = [answer if isinstance(answer, Decision) else refused for _, answer in answers]
    columns = {name: [getattr(each, name) for each in found] for name in _PLAIN}
    for place, (_, answer) in enumerate(answers):
        if not isinstance(answer, Decision):
            columns["reason"][place] = f"refused: {answer}"
    columns["unit_id"] = [unit_id for unit_id, _ in answers]
    columns["payload"] = _payloads(found)
    return pa.table({name: pa.array(columns[name], SCHEMA.field(name).type) for name in SCHEMA.names}, schema=SCHEMA)


def _payloads(found: Sequence[Decision]) -> list[str | None]:
    """Arms share their payload: each is written once."""
    written: dict[int, str] = {}
    payloads: list[str | None] = []
    for each in found:
        if each.payload is None:
            payloads.append(None)
            continue
        if id(each.payload) not in written:
            written[id(each.payload)] = _encode(each.payload).decode()
        payloads.append(written[id(each.payload)])
    return payloads


def unit_of(request: Assignment | Exception) -> str:
    """The unit of a row, empty where it named none."""
    return request.unit_id if isinstance(request, Assignment) else ""


def write_table(path: Path, table: pa.Table) -> None:
    """A file that is there completely or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(table, unfinished, compression="zstd", compression_level=1)
    _keep(unfinished, path)


def join_parts(folder: Path, files: Sequence[str], by: int) -> Path:
    """One file of all files, row group by row group; `by` tells apart who else may be at it."""
    whole = folder / WHOLE
    unfinished = folder / f"result-{by}.unfinished"
    folder.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(unfinished, SCHEMA, compression="zstd", compression_level=1) as writer:
        for name in files:
            with pq.ParquetFile(folder / name) as part:
                for group in range(part.num_row_groups):
                    writer.write_table(part.read_row_group(group))
    _keep(unfinished, whole)
    return whole


def remove_parts(folder: Path) -> None:
    """Take away what the whole result made superfluous."""
    for path in folder.glob("part-*"):
        path.unlink(missing_ok=True)


def stream(path: Path, form: str, erased: Mapping[str, str]) -> Iterator[bytes]:
    """The result in a format, piece by piece; `erased` says what stands in the place of which unit."""
    if form == "parquet":
        with TemporaryFile() if erased else path.open("rb") as file:
            if erased:
                write_masked(path, file, erased)
                file.seek(0)
            yield from iter(lambda: file.read(1 << 20), b"")
        return
    first = True
    for batch in masked(path, erased, 8192):
        yield _csv(batch, first) if form == "csv" else _lines(batch)
        first = False
    if first and form == "csv":
        yield _csv(SCHEMA.empty_table(), True)


def _lines(batch: pa.RecordBatch) -> bytes:
    rows = batch.to_pylist()
    for row in rows:
        if row["payload"] is not None:
            row["payload"] = msgspec.Raw(row["payload"].encode())
    return b"".join(_encode(row) + b"\n" for row in rows)


def _csv(batch: pa.RecordBatch | pa.Table, header: bool) -> bytes:
    for name in ("decided_at", "expires_at"):
        written_out = pc.strftime(batch.column(name), "%Y-%m-%dT%H:%M:%SZ")
        batch = batch.set_column(batch.schema.get_field_index(name), name, written_out)
    written = BytesIO()
    pa_csv.write_csv(batch, written, pa_csv.WriteOptions(include_header=header))
    return written.getvalue()


def _keep(unfinished: Path, path: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
