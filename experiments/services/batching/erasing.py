"""Erased persons in what batches have on disk: rows that were given are blanked at once; rows of results get the
tombstone while nobody works on the batch."""

import math
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.tables.batches import DecisionBatch
from experiments.model.times import SECOND, now
from experiments.store.batching.batch_results import erase_asked, erase_from, result_folder
from experiments.store.core.engine import reading
from experiments.store.units.erasures import ErasedPeople

_QUIET = 60 * SECOND
"""A process that was stopped may still write the part that it was at."""


class _Mark(NamedTuple):
    created_at: int
    status: str
    heartbeat_at: int | None
    finished_at: int | None


def erase_from_results(engine: Engine, folder: Path, erased: ErasedPeople) -> float:
    """Write files of batches anew without erased persons; who was erased before the instant that is given back is in
    none."""
    if not erased.people:
        return math.inf
    latest = max(person.erased_at for person in erased.people)
    before = _marks(engine, latest)
    for number, mark in before.items():
        place, theirs = result_folder(folder, number), erased.since(mark.created_at)
        erase_asked(place, theirs)
        if _is_idle(mark):
            with suppress(FileNotFoundError):  # resumed meanwhile: its mark is another one now
                erase_from(place, theirs)
    after = _marks(engine, latest)
    open_since = [mark.created_at for number, mark in after.items() if before.get(number) != mark or not _is_idle(mark)]
    return min(open_since, default=math.inf)


def _is_idle(mark: _Mark) -> bool:
    """Whether no process is at the batch: it is done, or nothing was heard of one for a while."""
    last = max(mark.heartbeat_at or 0, mark.finished_at or 0)
    return mark.status == "done" or last < now() - _QUIET


def _marks(engine: Engine, until: int) -> dict[int, _Mark]:
    with reading(engine) as session:
        found = session.exec(select(DecisionBatch).where(col(DecisionBatch.created_at) <= until)).all()
        return {int(row.id or 0): _Mark(row.created_at, row.status, row.heartbeat_at, row.finished_at) for row in found}
