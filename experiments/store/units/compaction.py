"""The history's files, written anew: without erased persons, and many small ones as one."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session, col, select

from experiments.model.history import HISTORY
from experiments.model.tables.profiles import HistoryPart
from experiments.store.units.activity import Part, create_view, open_duckdb, write_part
from experiments.store.units.erasures import ErasedPeople

SMALL = 200_000
"""Rows below which a part is small."""

FEW = 16
"""So many small parts of a kind may stay as they are."""

_GRACE = 3600.0
"""Seconds that a file stays after nothing names it any more: readers may be at it."""


class Rewrite(NamedTuple):
    """Parts that become one file; `path` is empty where no row was left."""

    kind: str
    parts: list[Part]
    path: str
    rows: int
    first_at: int
    last_at: int


def groups(parts: Sequence[Part], erased: ErasedPeople) -> list[list[Part]]:
    """Which parts are to be written anew, and which of them as one: those that may hold erased persons one by one,
    small ones together where they are many."""
    through = max((person.through_part for person in erased.people), default=0)
    small = [part for part in parts if part.rows < SMALL]
    together = small if len(small) > FEW else []
    alone = [part for part in parts if part.id <= through and part not in together]
    return ([together] if together else []) + [[part] for part in alone]


def rewrite(folder: Path, kind: str, parts: list[Part], erased: ErasedPeople) -> Rewrite | None:
    """Write a group as one file; None where it would be the same as before."""
    with open_duckdb(folder) as duck:
        create_view(duck, folder, kind, parts, erased)
        table = duck.sql(f"SELECT * FROM {kind}").to_arrow_table()  # noqa: S608 - our name
    if len(parts) == 1 and table.num_rows == parts[0].rows:
        return None
    if not table.num_rows:
        return Rewrite(kind, parts, "", 0, 0, 0)
    # A name of its own each time: what a reader is at never changes.
    path = f"{kind}/merged/{parts[-1].id:012d}-{time.time_ns():x}.parquet"
    write_part(folder, path, table.cast(HISTORY[kind]))
    times = table["occurred_at"].to_numpy()
    return Rewrite(kind, parts, path, table.num_rows, int(times.min()), int(times.max()))


def replace_parts(session: Session, done: Rewrite) -> None:
    """Let the newest part of a group stand for all of it: erasures that come later reach it still."""
    numbers = [part.id for part in done.parts]
    rows = list(session.exec(select(HistoryPart).where(col(HistoryPart.id).in_(numbers)).order_by(col(HistoryPart.id))))
    *others, newest = rows
    for row in others if done.path else rows:
        session.delete(row)
    if done.path:
        newest.path, newest.rows, newest.first_at, newest.last_at = done.path, done.rows, done.first_at, done.last_at
        newest.taken_in = all(row.taken_in for row in rows)
        session.add(newest)


def sweep(folder: Path, named: set[str], now: float) -> int:
    """Delete files that no part names and nobody can be reading any more; how many."""
    gone = 0
    for path in (path for kind in HISTORY for path in folder.glob(f"{kind}/*/*")):
        if path.suffix not in (".parquet", ".unfinished") or str(path.relative_to(folder)) in named:
            continue
        if now - path.stat().st_mtime > _GRACE:
            path.unlink(missing_ok=True)
            gone += 1
    return gone
