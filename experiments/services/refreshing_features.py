"""Features: the facts of units that something new was heard of, kept beside their profiles."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from experiments.model.access.principal import Principal, require
from experiments.model.history import HISTORY
from experiments.model.ids import first_id
from experiments.model.tables.profiles import Erasure, HistoryPart
from experiments.model.times import SECOND, now
from experiments.services.batching.erasing import erase_from_results
from experiments.store.core.engine import reading, share, transaction
from experiments.store.core.locks import Lock
from experiments.store.designing.revisions import RevisionBook
from experiments.store.units import compaction
from experiments.store.units.activity import history, live_parts, part_path, write_part
from experiments.store.units.contacts import Gathered, gather_contacts, gather_responses, gather_voids, keep_gathered
from experiments.store.units.erasures import erased_units, in_files, out_of_files
from experiments.store.units.facts import facts_json
from experiments.store.units.imports import alone
from experiments.store.units.profiles import put_facts

AT_ONCE = 1000
"""Units of one transaction: a decision that waits for the writer waits no longer than this takes."""

_SETTLED = 10 * SECOND
"""A decision's id is drawn, and a void's instant set, before the commit; after this long it has come or failed."""

_BREATH = 0.002


def anything_new(engine: Engine) -> bool:
    """Whether a refresh would find something; cheap enough to be asked by the clock."""
    book = RevisionBook()
    with reading(engine) as session:
        if any(session.exec(query.limit(1)).first() is not None for query in (_fresh(), _hidden())):
            return True
        return any(gather(session).mark > 0 for gather in _gatherers(book))


def refresh_features(
    engine: Engine,
    principal: Principal,
    folder: Path,
    *,
    everyone: bool = False,
    progress: Callable[[int], None] = lambda _units: None,
) -> int:
    """Bring the facts of units up to date; how many units. `everyone`: also those of whom nothing new was heard.

    Cut off at any instant it does the rest the next time. Raises ForbiddenError, ConflictError where one is under way.
    """
    require(principal, "outcomes")
    with alone(folder, "refreshing"):
        _take_over_decisions(engine, folder)
        at = now()
        with reading(engine) as session:
            fresh = [row.path for row in session.exec(_fresh())]
            settled = [int(row.id or 0) for row in session.exec(_fresh()) if row.last_at < at]
        if not fresh and not everyone:
            return 0
        done = 0
        with history(engine, folder) as duck:
            touched = None if everyone else _touched(duck, folder, fresh)
            for rows in _chunks(facts_json(duck, at, touched)):
                with transaction(engine) as session:
                    put_facts(session, _still_there(session, rows, at), at)
                done += len(rows)
                progress(done)
                time.sleep(_BREATH)
        with transaction(engine) as session:
            for row in session.exec(select(HistoryPart).where(col(HistoryPart.id).in_(settled))):
                row.taken_in = True
                session.add(row)
    return done


def compact_history(engine: Engine, folder: Path) -> int:
    """Write files anew: without erased persons, and many small ones as one; how many parts were rewritten."""
    rewritten = 0
    with alone(folder, "finishing", wait=True):
        with reading(engine) as session:
            erased = in_files(session)
            parts = {kind: live_parts(session, kind) for kind in HISTORY}
            waiting = session.exec(select(func.min(col(HistoryPart.id))).where(~col(HistoryPart.live))).one()
        for kind, found in parts.items():
            for group in compaction.groups(found, erased):
                made = compaction.rewrite(folder, kind, group, erased)
                if made is not None:
                    with transaction(engine) as session:
                        compaction.replace_parts(session, made)
                    rewritten += len(group)
        settled = erase_from_results(engine, folder, erased)
        with transaction(engine) as session:
            # What an import has not shown yet may hold them too, and a batch that is not over.
            gone = [person for person in erased.people if waiting is None or person.through_part < waiting]
            out_of_files(session, (person for person in gone if person.erased_at < settled))
            named = set(session.exec(select(HistoryPart.path)).all())
        compaction.sweep(folder, named, time.time())
    return rewritten


def _fresh() -> SelectOfScalar[HistoryPart]:
    return select(HistoryPart).where(col(HistoryPart.live), ~col(HistoryPart.taken_in))


def _hidden() -> SelectOfScalar[Erasure]:
    return select(Erasure).where(col(Erasure.in_files))


def _gatherers(book: RevisionBook) -> Sequence[Callable[[Session], Gathered]]:
    until = now() - _SETTLED
    return (
        lambda session: gather_contacts(session, book, first_id(until)),
        lambda session: gather_responses(session, book),
        lambda session: gather_voids(session, until),
    )


def _take_over_decisions(engine: Engine, folder: Path) -> None:
    for gather in _gatherers(RevisionBook()):
        more = True
        while more:
            with reading(engine) as session:
                found = gather(session)
            if not found.mark:
                break
            path = part_path(found.kind, 0, found.mark)
            if found.events.num_rows:
                write_part(folder, path, found.events)
            with transaction(engine) as session:
                keep_gathered(session, found, path)
            more = found.more


def _touched(duck: duckdb.DuckDBPyConnection, folder: Path, paths: Sequence[str]) -> str:
    files = [str(folder / path) for path in paths]
    duck.execute("CREATE TEMP TABLE touched AS SELECT DISTINCT unit_id FROM read_parquet($files)", {"files": files})
    return "touched"


def _chunks(batches: Iterator[list[tuple[str, str]]]) -> Iterator[list[tuple[str, str]]]:
    for batch in batches:
        for start in range(0, len(batch), AT_ONCE):
            yield batch[start : start + AT_ONCE]


def _still_there(session: Session, rows: list[tuple[str, str]], at: int) -> list[tuple[str, str]]:
    """Without persons erased since the history was read: their facts must not come back."""
    share(session.connection(), Lock.PEOPLE)
    erased = erased_units(session.connection(), (unit for unit, _ in rows))
    gone = {unit for unit, found in erased.items() if found.lifted_at is None or found.lifted_at >= at}
    return [row for row in rows if row[0] not in gone]
