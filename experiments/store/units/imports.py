"""Imports in the database: how far each came, the parts it wrote, and how they become part of the history."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlmodel import Session, col, select

from experiments.errors import ConflictError
from experiments.model.tables.profiles import HistoryPart, Import
from experiments.model.times import now
from experiments.store.units.activity import Part, create_view, parts_of_import, write_part
from experiments.store.units.erasures import ErasedPeople, hide_in_part

RUNNING, DONE = "running", "done"


class Rewritten(NamedTuple):
    """A part without the rows that the history holds already; `path` is empty where none was left."""

    part: Part
    path: str
    rows: int


@contextmanager
def alone(folder: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock of the data directory; a process that dies lets go of it. Raises ConflictError where another holds
    it and `wait` is false."""
    place = folder / "locks" / f"{name}.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w") as held:
        try:
            flock(held, LOCK_EX if wait else LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError("another process is doing this right now; try again when it is done") from error
        yield


def latest(session: Session, source_key: str, status: str) -> Import | None:
    """The newest import of a source in this state."""
    wanted = (col(Import.source_key) == source_key) & (col(Import.status) == status)
    return session.exec(select(Import).where(wanted).order_by(col(Import.id).desc()).limit(1)).first()


def add_part(session: Session, row: Import, path: str, table: pa.Table) -> None:
    """Note a part of a running import; readers do not see it yet."""
    number = int(row.id or 0)
    times = table["occurred_at"].to_numpy()
    hide_in_part(
        session,
        HistoryPart(
            kind=row.kind,
            import_id=number,
            sequence=len(parts_of_import(session, number)),
            path=path,
            rows=table.num_rows,
            first_at=int(times.min()),
            last_at=int(times.max()),
            live=False,
        ),
        table,
    )


def discard(session: Session, row: Import) -> None:
    """Forget what a running import has written: it starts anew."""
    for part in session.exec(select(HistoryPart).where(HistoryPart.import_id == row.id)):
        session.delete(part)
    session.delete(row)


def without_repeats(
    folder: Path, kind: str, mine: Sequence[Part], known: tuple[Sequence[Part], ErasedPeople], identified: bool
) -> list[Rewritten]:
    """The parts of an import that repeat what is live, written anew without the repetitions.

    Events with ids of their own count once. Without ids, rows that agree in everything are the same event as often as
    the history holds it already: what an overlapping export repeats is dropped, what a source holds twice stays twice.
    """
    live, erased = known
    first, last = (min(part.first_at for part in mine), max(part.last_at for part in mine)) if mine else (0, -1)
    near = [part for part in live if part.last_at >= first and part.first_at <= last]
    if not near and not identified:
        return []
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as duck:
        create_view(duck, folder, kind, near, erased)
        files = [str(folder / part.path) for part in mine]
        statement = _MINE.format(kind=kind) + (_IDENTIFIED if identified else _COUNTED)
        dropped = duck.execute(statement, {"files": files, "first": first, "last": last}).fetchnumpy()
    names, rows = np.asarray(dropped["filename"]), np.asarray(dropped["row"])
    repeated = [(part, rows[names == name]) for part, name in zip(mine, files, strict=True)]
    return [_rewrite(folder, part, places) for part, places in repeated if len(places)]


_MINE = """
WITH mine AS (SELECT event_key, filename, file_row_number AS row
  FROM read_parquet($files, filename = true, file_row_number = true)),
known AS (SELECT event_key, count(*) AS times FROM {kind} WHERE occurred_at BETWEEN $first AND $last
  AND event_key IN (SELECT event_key FROM mine) GROUP BY event_key)
"""
# With ids: all that is known, and every repetition within the import. The count tells which keys are worth a window.
_IDENTIFIED = """
SELECT filename, row FROM (
  SELECT filename, row, event_key, row_number() OVER (PARTITION BY event_key ORDER BY filename, row) AS place
  FROM mine WHERE event_key IN (SELECT event_key FROM mine GROUP BY event_key HAVING count(*) > 1
    UNION ALL SELECT event_key FROM known))
WHERE place > 1 OR event_key IN (SELECT event_key FROM known)
"""
_COUNTED = """
SELECT filename, row FROM (
  SELECT filename, row, times, row_number() OVER (PARTITION BY event_key ORDER BY filename, row) AS place
  FROM mine JOIN known USING (event_key))
WHERE place <= times
"""


def _rewrite(folder: Path, part: Part, dropped: NDArray[np.int64]) -> Rewritten:
    table = pq.read_table(folder / part.path)
    mask = np.ones(table.num_rows, dtype=bool)
    mask[dropped] = False
    kept = table.filter(pa.array(mask))
    if not kept.num_rows:
        return Rewritten(part, "", 0)
    path = f"{part.path.removesuffix('.parquet')}-once.parquet"
    write_part(folder, path, kept)
    return Rewritten(part, path, kept.num_rows)


def finish(session: Session, row: Import, rewritten: Sequence[Rewritten]) -> None:
    """Show an import's parts to readers, all at once, and close it."""
    changed = {each.part.id: each for each in rewritten}
    for part in session.exec(select(HistoryPart).where(HistoryPart.import_id == row.id)):
        new = changed.get(int(part.id or 0))
        if new is not None and not new.path:
            session.delete(part)
            continue
        if new is not None:
            part.path, part.rows = new.path, new.rows
        part.live = True
        session.add(part)
    repeated = sum(each.part.rows - each.rows for each in rewritten)
    row.accepted, row.duplicates = row.accepted - repeated, row.duplicates + repeated
    close(session, row)


def close(session: Session, row: Import) -> None:
    """An import that came to its end."""
    row.status, row.finished_at = DONE, now()
    session.add(row)


def advance(session: Session, row: Import, position: Mapping[str, Any], counts: Mapping[str, int]) -> None:
    """Keep how far an import came, in the transaction that keeps its rows."""
    row.position = dict(position)
    for name, count in counts.items():
        setattr(row, name, getattr(row, name) + count)
    session.add(row)
