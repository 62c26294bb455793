"""Results of batches on disk: which decisions they name, and what is left of a person who was erased.

A result is `batches/<number>/result.parquet` below the data directory; until it is whole, it is in parts beside that.
"""

import os
import time
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from experiments.errors import NotFoundError
from experiments.model.batch_tables import WHOLE
from experiments.model.ids import decision_numbers
from experiments.model.limit_plan import SUPPRESSED
from experiments.store.erasures import ErasedPeople

Numbers = npt.NDArray[np.int64]
WITHHELD = "withheld"
"""The column that says why a unit may not be contacted although it was decided for."""

_AT_ONCE = 50_000
_GRACE = 3600.0
"""Seconds after which nobody writes an unfinished file any more."""


class Mask(NamedTuple):
    """What is not as it was when a result was written: who was erased since, and whom nobody may contact now."""

    erased: ErasedPeople
    suppressed: Collection[str] = ()

    @property
    def hides_nothing(self) -> bool:
        """Whether everything is as it was."""
        return not self.erased.people and not self.suppressed


class _Named(msgspec.Struct):
    unit_id: str


def result_folder(folder: Path, number: int) -> Path:
    """Where a batch's files lie."""
    return folder / "batches" / str(number)


def result_path(folder: Path, number: int) -> Path:
    """The file of a batch that is done. Raises NotFoundError."""
    path = result_folder(folder, number) / WHOLE
    if not path.exists():
        raise NotFoundError(f"the file of batch {number} is not in the data directory of this machine")
    return path


def decisions_of(folder: Path, number: int) -> Numbers:
    """The numbers of the decisions that a batch assigned or found again, rising. Raises NotFoundError."""
    with pq.ParquetFile(result_path(folder, number)) as file:
        pages = file.iter_batches(_AT_ONCE, columns=["assigned", "decision_id"])
        found = [decision_numbers(rows.filter(rows["assigned"])["decision_id"].to_pylist()) for rows in pages]
    return np.unique(np.concatenate([np.empty(0, np.int64), *found]))


def masked(path: Path, mask: Mask, size: int = _AT_ONCE) -> Iterator[pa.RecordBatch]:
    """The rows of a result behind a mask."""
    suppressed = pa.array(mask.suppressed, pa.string())
    with pq.ParquetFile(path) as file:
        for stored in file.iter_batches(size):
            rows = _without_payloads(stored, suppressed)
            place = rows.schema.get_field_index("unit_id")
            yield rows.set_column(place, rows.schema.field(place), mask.erased.shown(rows[place]))


def _without_payloads(rows: pa.RecordBatch, suppressed: pa.Array) -> pa.RecordBatch:
    """Decisions of these units keep everything but the payload; results of earlier versions have no such column yet."""
    if WITHHELD not in rows.schema.names:
        rows = rows.append_column(pa.field(WITHHELD, pa.string()), pa.nulls(len(rows), pa.string()))
    now_withheld = pc.and_(rows["assigned"], pc.is_in(rows["unit_id"], suppressed))
    found = rows
    for name, shown in ((WITHHELD, SUPPRESSED), ("payload", None)):
        place = rows.schema.get_field_index(name)
        column = pc.if_else(now_withheld, pa.scalar(shown, pa.string()), rows[place])
        found = found.set_column(place, rows.schema.field(place), column)
    return found


def write_masked(path: Path, target: Path | BinaryIO, mask: Mask) -> None:
    """A result behind a mask as a file."""
    pages = masked(path, mask)
    first = next(pages, None)
    schema = pq.read_schema(path) if first is None else first.schema
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        for rows in () if first is None else chain([first], pages):
            writer.write_batch(rows)


def erase_from(folder: Path, erased: ErasedPeople) -> None:
    """Write what a batch that is over has on disk anew where it names an erased unit.

    A row that was asked for becomes blanks, which is no request: places and sizes stay, so that a batch can go on.
    """
    for path in folder.glob("*.parquet"):
        if _names_any(path, erased):
            anew = path.with_suffix(".erasing")
            write_masked(path, anew, Mask(erased))
            _replace(anew, path)
    for path in folder.glob("asked.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [b" " * (len(line) - 1) + b"\n" if erased.tombstone(_unit(line)) else line for line in lines]
        if kept != lines:
            found, anew = path.stat(), path.with_suffix(".erasing")
            anew.write_bytes(b"".join(kept))
            os.utime(anew, ns=(found.st_atime_ns, found.st_mtime_ns))
            _replace(anew, path)
    for path in folder.glob("*.unfinished"):
        if time.time() - path.stat().st_mtime > _GRACE:
            path.unlink(missing_ok=True)


def _names_any(path: Path, erased: ErasedPeople) -> bool:
    with pq.ParquetFile(path) as file:
        pages = file.iter_batches(_AT_ONCE, columns=["unit_id"])
        return any(not erased.shown(rows["unit_id"]).equals(rows["unit_id"]) for rows in pages)


def _unit(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Named).unit_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _replace(anew: Path, path: Path) -> None:
    with anew.open("rb") as file:
        os.fsync(file.fileno())
    anew.replace(path)
