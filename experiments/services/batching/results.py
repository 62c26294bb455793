"""The result of a batch: parts that are complete or not there, then one Parquet file; CSV and JSON lines from it."""

import os
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from experiments.model.deciding.decisions import DecisionRow
from experiments.model.designing.definition import ArmDefinition
from experiments.model.designing.limit_plan import SUPPRESSED
from experiments.model.ids import public_ids
from experiments.model.tables.batches import WHOLE
from experiments.services.deciding.messages import Assignment
from experiments.services.deciding.replies import AssignmentAnswer
from experiments.store.batching.batch_results import ERASED, WITHHELD, Masking, masked, write_masked

FORMATS = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
"""Format → media type."""

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
        pa.field(WITHHELD, pa.string()),
    ]
)
"""One row for each unit that was asked for; `reason` of a refused one is `refused: …`, `payload` is JSON.

`withheld` says why the unit may not be contacted now; there is no payload then. Who is erased is `assigned: false`,
with what is kept of the decision."""

Answer = AssignmentAnswer | Exception
_encode = msgspec.json.Encoder().encode
_SAID = ("event_type", "reward_kind", "reward_amount", "payload")
_KEPT = ("variant", "arm", "propensity", "mode", "decided_at", "expires_at")


def result_table(units: Sequence[str], answers: Sequence[Answer]) -> pa.Table:
    """Answers as rows, in their order; an arm's arm is written once, whoever got it."""
    rows = [answer.row if isinstance(answer, AssignmentAnswer) else None for answer in answers]
    columns = {
        "unit_id": units,
        "assigned": [row is not None for row in rows],
        "reason": [reason_of(answer) for answer in answers],
        "decision_id": _ids(rows),
        **{name: [None if row is None else getattr(row, name) for row in rows] for name in _KEPT},
        **_arms_by_key(answers),
        WITHHELD: pa.array([_withheld(answer) for answer in answers], pa.string()),
    }
    columns["payload"] = pc.if_else(columns[WITHHELD].is_null(), columns["payload"], None)
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def reason_of(answer: Answer) -> str:
    """The reason as results give it."""
    return answer.reason if isinstance(answer, AssignmentAnswer) else f"refused: {answer}"


def _withheld(answer: Answer) -> str | None:
    if not isinstance(answer, AssignmentAnswer):
        return None
    return SUPPRESSED if answer.withheld else ERASED if answer.reason == ERASED else None


def _ids(rows: Sequence[DecisionRow | None]) -> pa.Array:
    numbers = [0 if row is None else row.id for row in rows]
    written = pa.array(public_ids(np.array(numbers, dtype=np.int64))).cast(pa.string())
    return pc.if_else(pa.array([number > 0 for number in numbers]), written, pa.scalar(None, pa.string()))


def _arms_by_key(answers: Sequence[Answer]) -> dict[str, pa.Array]:
    """What callers do with the arms, by column."""
    known: dict[tuple[int, str], int] = {}
    arms_by_key: list[ArmDefinition] = []
    places: list[int | None] = []
    for answer in answers:
        if not isinstance(answer, AssignmentAnswer) or answer.row is None:
            places.append(None)
            continue
        key = id(answer.arms_by_key), answer.row.arm
        if key not in known:
            known[key] = len(arms_by_key)
            arms_by_key.append(answer.arms_by_key[answer.row.arm])
        places.append(known[key])
    chosen = pa.array(places, pa.int32())
    said = {name: [getattr(arm, name) for arm in arms_by_key] for name in _SAID}
    said["payload"] = [None if payload is None else _encode(payload).decode() for payload in said["payload"]]
    return {name: pa.array(said[name], SCHEMA.field(name).type).take(chosen) for name in _SAID}


def named(request: Assignment | Exception, answer: Answer) -> str:
    """The unit of a row, empty where it named none; of an erased person what stands in its place."""
    if isinstance(answer, AssignmentAnswer) and answer.erased_as is not None:
        return answer.erased_as
    return request.unit_id if isinstance(request, Assignment) else ""


def write_table(path: Path, table: pa.Table) -> None:
    """A file that is there completely or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    pq.write_table(table, unfinished, compression="zstd", compression_level=1)
    _keep(unfinished, path)


def join_parts(folder: Path, files: Sequence[str], by: int, masking: Masking) -> Path:
    """One file of all files, behind the mask of now; `by` tells apart who else may be at it."""
    whole = folder / WHOLE
    unfinished = folder / f"result-{by}.unfinished"
    folder.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(unfinished, SCHEMA, compression="zstd", compression_level=1) as writer:
        for name in files:
            for rows in masked(folder / name, masking):
                writer.write_batch(rows)
    _keep(unfinished, whole)
    return whole


def remove_parts(folder: Path) -> None:
    """Take away what the whole result made superfluous."""
    for path in folder.glob("part-*"):
        path.unlink(missing_ok=True)


def stream(path: Path, form: str, masking: Masking) -> Iterator[bytes]:
    """The result in a format, piece by piece, each behind the mask of its moment."""
    if form == "parquet":
        with TemporaryFile() as file:
            write_masked(path, file, masking)
            file.seek(0)
            yield from iter(lambda: file.read(1 << 20), b"")
        return
    first = True
    for batch in masked(path, masking, 8192):
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
