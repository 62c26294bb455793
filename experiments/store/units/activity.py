"""The history of units: Parquet files that are only ever added, their manifest in the database.

A reader sees one state of the manifest: what was imported completely by then, without persons erased by then.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.model.erasing import unit_hash_parts
from experiments.model.history import HISTORY
from experiments.model.tables.profiles import HistoryPart
from experiments.store.core.engine import reading
from experiments.store.units.erasures import NOBODY, ErasedPeople, in_files

ROW_GROUP = 131_072
_BATCH = 131_072


class Part(NamedTuple):
    """One file of the manifest; `path` is relative to the data directory."""

    id: int
    path: str
    rows: int
    first_at: int
    last_at: int


@contextmanager
def history(engine: Engine, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with one view per kind of HISTORY, with its columns.

    The connection's zone is UTC; it spills into the data directory what does not fit in memory.
    Raises UnavailableError.
    """
    with reading(engine) as session:
        parts = {kind: live_parts(session, kind) for kind in HISTORY}
        erased = in_files(session)
    with open_duckdb(folder) as duck:
        for kind, found in parts.items():
            create_view(duck, folder, kind, found, erased)
        yield duck


def scan(
    engine: Engine, folder: Path, kind: str, columns: Sequence[str], before: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The events of a kind as Arrow batches, in no order; with `before` only those that occurred before an instant."""
    names = ", ".join(HISTORY[kind].field(name).name for name in columns)
    condition = "" if before is None else f" WHERE occurred_at < {int(before)}"
    with history(engine, folder) as duck:
        yield from duck.sql(f"SELECT {names} FROM {kind}{condition}").to_arrow_reader(_BATCH)  # noqa: S608 - our names


@contextmanager
def open_duckdb(folder: Path, *, ordered: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A fresh DuckDB in memory that keeps to itself: no extension is looked for elsewhere.

    `ordered`: results keep the order of what they are read from, which costs memory.
    """
    options: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "temp_directory": str(folder / "spill"),
    }
    duck = duckdb.connect(config=options)
    try:
        duck.execute(f"SET preserve_insertion_order = {ordered}")
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute("SET enable_progress_bar = false")
        yield duck
    finally:
        duck.close()


def create_view(
    duck: duckdb.DuckDBPyConnection, folder: Path, kind: str, parts: Sequence[Part], erased: ErasedPeople = NOBODY
) -> None:
    """The view `kind` over these parts, without erased persons; empty, of the right types, where there are none."""
    names = ", ".join(HISTORY[kind].names)
    if not parts:
        duck.register(f"{kind}_none", HISTORY[kind].empty_table())
        duck.execute(f"CREATE VIEW {kind} AS SELECT {names} FROM {kind}_none")  # noqa: S608 - our names
        return
    through = max((person.through_part for person in erased.people), default=-1)
    whole = [part for part in parts if part.id > through]
    touched = [part for part in parts if part.id <= through]
    selects = []
    if whole:
        selects.append(f"SELECT {names} FROM {_read(folder, whole)}")  # noqa: S608
    if touched:
        duck.register(f"{kind}_parts", _numbered(folder, touched))
        _find_erased(duck, kind, _read(folder, touched), erased)
        selects.append(
            f"SELECT {names} FROM {_read(folder, touched, filename=True)} AS p JOIN {kind}_parts USING (filename) "  # noqa: S608
            f"WHERE NOT EXISTS (FROM {kind}_erased AS e WHERE e.unit_id = p.unit_id AND part <= e.through_part)"
        )
    duck.execute(f"CREATE VIEW {kind} AS {' UNION ALL '.join(selects)}")


def live_parts(session: Session, kind: str) -> list[Part]:
    """The parts that readers see, in the order in which they came."""
    return _parts(session, (col(HistoryPart.kind) == kind) & col(HistoryPart.live))


def parts_of_import(session: Session, number: int) -> list[Part]:
    """The parts that an import has written so far, also where it is not done."""
    return _parts(session, col(HistoryPart.import_id) == number)


def write_part(folder: Path, path: str, table: pa.Table) -> None:
    """Write a file that is there completely or not at all, also after a power cut."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".unfinished")
    pq.write_table(table, unfinished, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
    _sync(unfinished)
    unfinished.replace(place)
    _sync(place.parent)


def part_path(kind: str, number: int, sequence: int, version: str = "") -> str:
    """Where an import's part lies, relative to the data directory."""
    return f"{kind}/{number:08d}/{sequence:06d}{version}.parquet"


def _parts(session: Session, condition: object) -> list[Part]:
    found = session.exec(select(HistoryPart).where(condition).order_by(col(HistoryPart.id)))  # type: ignore[arg-type]
    return [Part(int(row.id or 0), row.path, row.rows, row.first_at, row.last_at) for row in found]


def _find_erased(duck: duckdb.DuckDBPyConnection, kind: str, source: str, erased: ErasedPeople) -> None:
    """A table of those units in a source who are; each id is hashed once, however many events it has."""
    columns = {name: [getattr(person, name) for person in erased.people] for name in ("unit_hash", "through_part")}
    duck.register(f"{kind}_hashes", pa.table(columns))
    inner, outer, digits = unit_hash_parts(erased.key)
    hashed = f"left(sha256({_blob(outer)} || unhex(sha256({_blob(inner)} || encode(unit_id)))), {digits})"
    found = f"SELECT unit_id, {hashed} AS unit_hash FROM (SELECT DISTINCT unit_id FROM {source})"  # noqa: S608 - ours
    joined = f"SELECT u.unit_id, e.through_part FROM ({found}) AS u JOIN {kind}_hashes AS e USING (unit_hash)"  # noqa: S608
    duck.execute(f"CREATE TEMP TABLE {kind}_erased AS {joined}")


def _blob(data: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in data) + "'::BLOB"


def _read(folder: Path, parts: Sequence[Part], *, filename: bool = False) -> str:
    files = ", ".join(_quoted(str(folder / part.path)) for part in parts)
    return f"read_parquet([{files}]{', filename = true' if filename else ''})"


def _numbered(folder: Path, parts: Sequence[Part]) -> pa.Table:
    return pa.table({"filename": [str(folder / part.path) for part in parts], "part": [part.id for part in parts]})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
