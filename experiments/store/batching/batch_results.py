"""Results of batches on disk: which decisions they name, and what is left of a person who was erased.

A result is `batches/<number>/result.parquet` below the data directory; until it is whole, it is in parts beside that.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
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
from experiments.model.designing.limit_plan import SUPPRESSED
from experiments.model.erasing import PSEUDONYM, SOURCE
from experiments.model.ids import decision_numbers
from experiments.model.tables.batches import WHOLE
from experiments.store.units.erasures import ErasedPeople

Numbers = npt.NDArray[np.int64]
WITHHELD = "withheld"
"""The column that says why a unit may not be contacted although it was decided for."""
ERASED = SOURCE
"""What the columns `reason` and `withheld` say of a person who was erased."""

_AT_ONCE = 50_000
_GRACE = 3600.0
"""Seconds after which nobody writes an unfinished file any more."""


class Mask(NamedTuple):
    """What is not as it was when rows were written: who was erased since, and whom of them nobody may contact now."""

    erased: ErasedPeople
    suppressed: Collection[str] = ()


Masking = Callable[[Sequence[str]], Mask]
"""The mask of these units at this moment."""


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
    """The numbers of the decisions that a batch assigned or found again, rising, also of who was erased since.

    Raises NotFoundError.
    """
    with pq.ParquetFile(result_path(folder, number)) as file:
        pages = file.iter_batches(_AT_ONCE, columns=["decision_id"])
        found = [decision_numbers(rows["decision_id"].drop_null().to_pylist()) for rows in pages]
    return np.unique(np.concatenate([np.empty(0, np.int64), *found]))


def masked(path: Path, masking: Masking, size: int = _AT_ONCE) -> Iterator[pa.RecordBatch]:
    """The rows of a result, each page behind the mask of its moment."""
    with pq.ParquetFile(path) as file:
        for stored in file.iter_batches(size):
            yield behind(stored, masking)


def behind(stored: pa.RecordBatch, masking: Masking) -> pa.RecordBatch:
    """Rows as they may leave now: decisions stay, payloads go. Who is erased is answered as the service answers now.

    Results of earlier versions have no column that says so yet.
    """
    rows, mask = stored, masking(stored["unit_id"].to_pylist())
    if WITHHELD not in rows.schema.names:
        rows = rows.append_column(pa.field(WITHHELD, pa.string()), pa.nulls(len(rows), pa.string()))
    shown = mask.erased.shown(rows["unit_id"])
    erased = pc.match_substring_regex(shown, f"^{PSEUDONYM}$")
    suppressed = pc.and_(rows["assigned"], pc.is_in(rows["unit_id"], pa.array(mask.suppressed, pa.string())))
    found = _set(_set(rows, "unit_id", shown), "assigned", pc.and_not(rows["assigned"], erased))
    found = _set(found, "reason", pc.if_else(erased, ERASED, rows["reason"]))
    found = _set(found, "payload", pc.if_else(pc.or_(erased, suppressed), None, rows["payload"]))
    return _set(found, WITHHELD, pc.if_else(erased, ERASED, pc.if_else(suppressed, SUPPRESSED, rows[WITHHELD])))


def _set(rows: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, rows.schema.field(place), column)


def write_masked(path: Path, target: Path | BinaryIO, masking: Masking) -> None:
    """A result behind a mask as a file."""
    pages = masked(path, masking)
    first = next(pages, None)
    schema = pq.read_schema(path) if first is None else first.schema
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        for rows in () if first is None else chain([first], pages):
            writer.write_batch(rows)


def erase_asked(folder: Path, erased: ErasedPeople) -> None:
    """Write the rows that a batch was given anew without those of erased units, whoever may be reading them.

    A row becomes blanks, which is no request: places, size and time stay, so that the batch can go on.
    """
    for path in folder.glob("asked.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [b" " * (len(line) - 1) + b"\n" if erased.tombstone(_unit(line)) else line for line in lines]
        if kept != lines:
            found, anew = path.stat(), path.with_suffix(".erasing")
            anew.write_bytes(b"".join(kept))
            os.utime(anew, ns=(found.st_atime_ns, found.st_mtime_ns))
            _replace(anew, path)


def erase_from(folder: Path, erased: ErasedPeople) -> None:
    """Write what a batch that nobody works on has on disk anew where it names an erased unit."""
    for path in folder.glob("*.parquet"):
        if _names_any(path, erased):
            anew = path.with_suffix(".erasing")
            write_masked(path, anew, lambda _: Mask(erased))
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
