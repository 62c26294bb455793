"""Assignments as files, made while they are fetched: no more of them is in memory than a few thousand rows."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine

from bandit.rounds import NOTHING
from experiments.errors import ConflictError
from experiments.model.access.principal import Principal, require
from experiments.model.assigned import Assigned
from experiments.model.tables.core import Experiment
from experiments.store.batching.batch_results import Numbers
from experiments.store.batching.deliveries import assigned_rows, chosen_by_batch, deliverable, find_delivery
from experiments.store.core.engine import reading
from experiments.store.designing.revisions import RevisionBook

ROWS = 2000
"""Rows of one read, and of one row group."""

Parts = Iterator[bytes]
_encode = msgspec.json.Encoder().encode
_STAMP = pa.timestamp("us", tz="UTC")
_SCHEMA = pa.schema(
    [
        ("decision_id", pa.string()),
        ("unit_id", pa.string()),
        ("experiment", pa.string()),
        ("revision", pa.int32()),
        ("variant", pa.string()),
        ("arm", pa.string()),
        ("event_type", pa.string()),
        ("reward_kind", pa.string()),
        ("reward_amount", pa.float64()),
        ("propensity", pa.float64()),
        ("decided_at", _STAMP),
        ("expires_at", _STAMP),
        ("payload", pa.string()),
    ]
)
COLUMNS: list[str] = _SCHEMA.names


class Fetched(NamedTuple):
    """What a file had, and what was left out of it: because nobody may contact the unit, or for another reason."""

    sent: int = 0
    withheld: int = 0
    skipped: int = 0


def file_parts(
    engine: Engine, principal: Principal, number: int, folder: Path, fetched: Callable[[Fetched], None]
) -> Parts:
    """The file of a delivery, part by part. Void decisions and those of units that nobody may contact when their part
    is made are left out. `folder` is the data directory; `fetched` is told what came of it once all parts were made.

    Raises ForbiddenError without the scope `experiment`, NotFoundError (also where the result of the delivery's batch
    is not on this machine), ConflictError where the delivery is a push.
    """
    require(principal, "experiment")
    with reading(engine) as session:
        delivery = find_delivery(session, number)
    if delivery.status != "ready":
        raise ConflictError(f"delivery {number} is a push: it has no file")
    return FORMATS[delivery.format](_pages(engine, number, chosen_by_batch(delivery, folder), fetched))


def _pages(
    engine: Engine, number: int, chosen: Numbers | None, fetched: Callable[[Fetched], None]
) -> Iterator[Sequence[Assigned]]:
    book, after, counts = RevisionBook(), None, Fetched()
    while True:
        with reading(engine) as session:
            delivery = find_delivery(session, number)
            experiment = session.get_one(Experiment, delivery.experiment_id)
            begin = delivery.after if after is None else after
            found = deliverable(session.connection(), delivery, begin, ROWS, chosen)
            nothing = bool(delivery.request["include_nothing"])
            may_go = [each for each in found if each.void is None and not each.is_withheld]
            going = [each for each in may_go if nothing or each.arm != NOTHING]
            rows = assigned_rows(session, book, experiment, going)
        if not found:
            fetched(counts)
            return
        after = found[-1].id
        withheld = sum(each.is_withheld for each in found)
        skipped = len(found) - len(rows) - withheld
        counts = Fetched(counts.sent + len(rows), counts.withheld + withheld, counts.skipped + skipped)
        yield rows


def as_csv(pages: Iterable[Sequence[Assigned]]) -> Parts:
    """RFC 4180 with a header; the payload as JSON in its column."""
    yield _lines([COLUMNS])
    for rows in pages:
        yield _lines(list(_flat(row).values()) for row in rows)


def as_jsonl(pages: Iterable[Sequence[Assigned]]) -> Parts:
    """One object a line."""
    for rows in pages:
        yield b"".join(_encode(row.as_json()) + b"\n" for row in rows)


def as_parquet(pages: Iterable[Sequence[Assigned]]) -> Parts:
    """A row group for each page; the payload as JSON text."""
    sink = _Sink()
    with pq.ParquetWriter(sink, _SCHEMA, compression="zstd") as writer:
        for rows in pages:
            dicts = [{**row._asdict(), "payload": _payload(row)} for row in rows]
            writer.write_table(pa.Table.from_pylist(dicts, schema=_SCHEMA))
            yield sink.drain()
    yield sink.drain()


FORMATS: dict[str, Callable[[Iterable[Sequence[Assigned]]], Parts]] = {
    "csv": as_csv,
    "jsonl": as_jsonl,
    "parquet": as_parquet,
}

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


class _Sink(io.RawIOBase):
    """A file that gives away what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]  # Arrow hands over buffers
        self._parts.append(part)
        self._place += len(part)
        return len(part)

    def close(self) -> None:
        """What was written stays to be drained."""

    def drain(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _flat(row: Assigned) -> dict[str, object]:
    return {**row.as_json(), "payload": _payload(row)}


def _payload(row: Assigned) -> str:
    return json.dumps(row.payload, sort_keys=True, ensure_ascii=False)


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
