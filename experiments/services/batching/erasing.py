"""Erased persons in results of batches: their rows get the tombstone once the batch is over."""

import math
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.tables import DecisionBatch
from experiments.model.times import SECOND, now
from experiments.services.batching.requesting import OVER
from experiments.store.batch_results import erase_from, result_folder
from experiments.store.engine import reading
from experiments.store.erasures import ErasedPeople

_QUIET = 60 * SECOND
"""A process that was stopped may still write the part that it was at."""


class _Mark(NamedTuple):
    created_at: int
    status: str
    heartbeat_at: int | None
    finished_at: int | None


def erase_from_results(engine: Engine, folder: Path, erased: ErasedPeople) -> float:
    """Write results anew without erased persons; who was erased before the instant that is given back is in none."""
    if not erased.people:
        return math.inf
    latest = max(person.erased_at for person in erased.people)
    before = _marks(engine, latest)
    for number, mark in before.items():
        if _is_over(mark):
            with suppress(FileNotFoundError):  # resumed meanwhile: its mark is another one now
                erase_from(result_folder(folder, number), erased.since(mark.created_at))
    after = _marks(engine, latest)
    open_since = [mark.created_at for number, mark in after.items() if before.get(number) != mark or not _is_over(mark)]
    return min(open_since, default=math.inf)


def _is_over(mark: _Mark) -> bool:
    return mark.status == "done" or (mark.status in OVER and (mark.finished_at or 0) < now() - _QUIET)


def _marks(engine: Engine, until: int) -> dict[int, _Mark]:
    with reading(engine) as session:
        found = session.exec(select(DecisionBatch).where(col(DecisionBatch.created_at) <= until)).all()
        return {int(row.id or 0): _Mark(row.created_at, row.status, row.heartbeat_at, row.finished_at) for row in found}
