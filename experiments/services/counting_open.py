"""How many decisions mature when, and units by variant, counted once all of a slot are known: readouts add up slots."""

from itertools import pairwise

from sqlalchemy import Engine, text
from sqlmodel import Session

from experiments.model.tables.workers import LoggedRound
from experiments.model.times import SECOND
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.designing.revisions import Head, RevisionBook, heads
from experiments.store.joining.matured import Cursor, Stage, move_cursor
from experiments.store.joining.maturity import SLOT, STAGE, Counted, Span, count, counted, put_slots
from experiments.store.rollups.assigned import add_assigned, first_decisions, is_started

SETTLED = 600 * SECOND
"""After so long every decision is committed, and no replica decides by an older revision."""

MOST = 36
"""Slots that are counted at a time."""

_OPENED = "SELECT number, opened_at FROM revisions WHERE experiment_id = :id ORDER BY number"


def count_open(engine: Engine, book: RevisionBook, lease: Lease, at: int) -> int:
    """Count what has become complete by `at` (server's clock); how many slots. Raises LeaseLostError."""
    with reading(engine) as session:
        due = [place for head in heads(session.connection()) for place in _due(session, book, head, at)]
    for place in due:
        _count(engine, lease, *place)
    return sum((span.end - span.start) // SLOT for _, span, _ in due)


def _due(session: Session, book: RevisionBook, head: Head, at: int) -> list[tuple[int, Span, bool]]:
    """(experiment, slots of one revision, whether these are its last)."""
    facts = book.all(session, head.id, head.revision)
    if facts[head.revision].on_callers_clock:
        return []
    opened = session.connection().execute(text(_OPENED), {"id": head.id}).all()
    ends = [later[1] + SETTLED for _, later in pairwise(opened)] + [None]
    known = counted(session.connection(), head.id)
    found = []
    for (revision, since), until in zip(opened, ends, strict=True):
        lead = facts[revision].window + facts[revision].grace
        through, closed = known.get(revision, Counted((since - SETTLED + lead) // SLOT * SLOT, False))
        last = until is not None and until + SETTLED <= at
        complete = until + lead + SLOT if last and until is not None else at - SETTLED + lead
        end = min(complete // SLOT * SLOT, through + MOST * SLOT)
        if not closed and (end > through or last):
            found.append((head.id, Span(through, max(end, through), revision), last and end >= complete // SLOT * SLOT))
    return found


def _count(engine: Engine, lease: Lease, experiment_id: int, span: Span, last: bool) -> None:
    with reading(engine) as session:
        connection = session.connection()
        slots = count(connection, experiment_id, span)
        since = span if is_started(connection, experiment_id, span.revision) else span._replace(start=0)
        units = first_decisions(connection, experiment_id, since)
    with fenced(engine, lease) as session:
        connection = session.connection()
        put_slots(connection, experiment_id, span.revision, slots)
        add_assigned(connection, experiment_id, span.revision, units)
        stage = Stage(f"{STAGE}{span.revision}", LoggedRound)
        move_cursor(connection, experiment_id, stage, Cursor(span.end, int(last)))
