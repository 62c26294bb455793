"""Import: one transaction per batch, so that a process that dies goes on where it stopped."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine
from sqlmodel import Session

from experiments.model.access.principal import Principal, require
from experiments.model.tables.profiles import Import
from experiments.model.times import now
from experiments.store import audit
from experiments.store.core.engine import reading, transaction
from experiments.store.units import imports
from experiments.store.units.activity import live_parts, part_path, parts_of_import, write_part
from experiments.store.units.erasures import erased_units, in_files


@dataclass(frozen=True, slots=True)
class Run:
    """An import under way, or one that came to its end before (`done`)."""

    id: int
    kind: str
    mapping: Mapping[str, Any]
    position: Mapping[str, Any]
    parts: int
    resumed: bool
    done: bool
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Opening:
    """What an import is begun with; see model.tables.profiles.Import. `resumable` says whether a position is of use."""

    kind: str
    source: str
    source_key: str
    fingerprint: str | None
    resumable: bool
    mapping: Mapping[str, Any]


def last_watermark(engine: Engine, principal: Principal, source_key: str) -> Any:
    """The watermark that the last complete import of a source reached; None before the first.

    Raises ForbiddenError.
    """
    require(principal, "outcomes")
    with reading(engine) as session:
        row = imports.latest(session, source_key, imports.DONE)
    return None if row is None else row.position.get("watermark")


def begin_import(engine: Engine, principal: Principal, opening: Opening) -> Run:
    """Begin an import, go on with one that was cut off, or say that it was done. Raises ForbiddenError."""
    require(principal, "outcomes")
    with transaction(engine) as session:
        done = imports.latest(session, opening.source_key, imports.DONE)
        if done is not None and opening.fingerprint is not None:
            return _run(session, done, resumed=False)
        row = imports.latest(session, opening.source_key, imports.RUNNING)
        if row is not None and opening.resumable:
            return _run(session, row, resumed=True)
        if row is not None:
            imports.discard(session, row)
        known = done.position.get("watermark") if done is not None else None
        fresh = Import(
            kind=opening.kind,
            source=opening.source,
            source_key=opening.source_key,
            fingerprint=opening.fingerprint,
            mapping=dict(opening.mapping),
            status=imports.RUNNING,
            position={},
            started_at=now(),
        )
        session.add(fresh)
        session.flush()
        detail = {"kind": opening.kind, "source": opening.source, "after": None if known is None else str(known)}
        audit.append(session, principal, "import.begin", str(fresh.id), detail)
        return _run(session, fresh, resumed=False)


def put_events(
    engine: Engine, principal: Principal, folder: Path, run: tuple[int, int], events: pa.Table
) -> str | None:
    """Write a batch of events as a part; its path, for `put_progress`. `run` is the import and the part's number."""
    require(principal, "outcomes")
    if not events.num_rows:
        return None
    with reading(engine) as session:
        kind = session.get_one(Import, run[0]).kind
    path = part_path(kind, *run)
    write_part(folder, path, events)
    return path


def without_erased(engine: Engine, events: pa.Table) -> pa.Table:
    """The events without those of erased persons: an export of before must not bring them back."""
    units = events["unit_id"].combine_chunks()
    with reading(engine) as session:
        erased = erased_units(session.connection(), units.unique().to_pylist())
    if not erased:
        return events
    pairs = zip(units.to_pylist(), events["occurred_at"].to_pylist(), strict=True)
    return events.filter(pa.array([unit not in erased or not erased[unit].covers(at) for unit, at in pairs]))


def put_progress(
    engine: Engine,
    principal: Principal,
    number: int,
    progress: tuple[Mapping[str, Any], Mapping[str, int]],
    part: tuple[str, pa.Table] | None = None,
) -> None:
    """Keep the position and what was counted, together with the part that was written. Raises ForbiddenError."""
    require(principal, "outcomes")
    with transaction(engine) as session:
        row = session.get_one(Import, number)
        if part is not None:
            imports.add_part(session, row, *part)
        imports.advance(session, row, *progress)


def finish_import(engine: Engine, principal: Principal, folder: Path, number: int, identified: bool) -> Run:
    """Drop what the history holds already and show the rest to readers, all at once. Raises ForbiddenError."""
    require(principal, "outcomes")
    # Two that ended at once would each miss what the other brings.
    with imports.alone(folder, "finishing", wait=True):
        with reading(engine) as session:
            row = session.get_one(Import, number)
            mine = parts_of_import(session, number)
            known = live_parts(session, row.kind), in_files(session)
        rewritten = imports.without_repeats(folder, row.kind, mine, known, identified) if mine else []
        with transaction(engine) as session:
            row = session.get_one(Import, number)
            imports.finish(session, row, rewritten)
            counts = {name: getattr(row, name) for name in COUNTS}
            audit.append(session, principal, "import.finish", str(number), counts)
            return _run(session, row, resumed=False)


COUNTS = ("read", "accepted", "rejected", "duplicates")


def _run(session: Session, row: Import, *, resumed: bool) -> Run:
    number = int(row.id or 0)
    counts = {name: getattr(row, name) for name in COUNTS}
    parts = len(parts_of_import(session, number))
    return Run(number, row.kind, row.mapping, row.position, parts, resumed, row.status == imports.DONE, counts)


def source_alone(folder: Path, source_key: str) -> AbstractContextManager[None]:
    """Nobody else imports the source while the block runs. Raises ConflictError where somebody does."""
    return imports.alone(folder, source_key)
