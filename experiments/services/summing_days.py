"""Days that nothing can change any more are added up once, so that trends stay quick however long a campaign runs."""

from collections.abc import Iterator
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.model.days import day_of_hour, hours_of_day
from experiments.model.times import HOUR
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.designing.revisions import Head, RevisionBook, heads
from experiments.store.joining.matured import MATURED, cursor_of
from experiments.store.rollups.days import daily_through, days_of, first_hour, put_days

MARGIN = 2 * HOUR
"""How far behind the joiner a day must lie: its sweep looks back ten minutes for what was committed late."""


def sum_days(engine: Engine, book: RevisionBook, lease: Lease, most: int = 4) -> int:
    """Add up to `most` finished days of each experiment; how many. Raises LeaseLostError, UnavailableError."""
    with reading(engine) as session:
        started = heads(session.connection())
    return sum(1 for head in started for _ in _experiment(engine, book, lease, head, most))


def _experiment(engine: Engine, book: RevisionBook, lease: Lease, head: Head, most: int) -> Iterator[int]:
    for _ in range(most):
        with reading(engine) as session:
            due = _next_day(session, book, head)
            if due is None:
                return
            day, zone = due
            rows = days_of(session.connection(), head.id, hours_of_day(day, zone), partial(_always, day))
        with fenced(engine, lease) as session:
            put_days(session.connection(), head.id, rows, day + 1)
        yield day


def _next_day(session: Session, book: RevisionBook, head: Head) -> tuple[int, ZoneInfo] | None:
    """The next day to add, where the joiner is past everything that was decided in it."""
    connection = session.connection()
    facts = book.all(session, head.id, head.revision)
    zone = ZoneInfo(facts[min(facts)].definition.time_zone)
    day = daily_through(connection, head.id)
    if day is None:
        first = first_hour(connection, head.id)
        if first is None:
            return None
        day = day_of_hour(first, zone)
    lead = max(one.window + one.grace for one in facts.values())
    end = hours_of_day(day, zone)[1] * HOUR
    reached = cursor_of(connection, head.id, MATURED).through
    return (day, zone) if reached >= end + lead + MARGIN else None


def _always(day: int, _hour: int) -> int:
    """Every hour of a day's list is that day's, also one that two days share."""
    return day
