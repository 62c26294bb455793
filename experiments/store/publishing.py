"""What publishing reads of the decisions, and its cursor."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, select

from experiments.model.deciding.decisions import COLUMNS, DecisionRow
from experiments.model.ids import ids_of_second
from experiments.model.tables.core import Experiment
from experiments.model.tables.streams import StreamCursor
from experiments.model.times import now
from experiments.store.core.bulk import is_sqlite

NAME = "decisions"
_SELECTED = ", ".join(COLUMNS)
_PAGE = f"SELECT {_SELECTED} FROM decisions WHERE id >= :start AND id < :end ORDER BY id LIMIT :most"  # noqa: S608
_SECOND = "id / (CAST(1000 AS BIGINT) << 22)"
_COUNTS = f"SELECT {_SECOND}, count(*) FROM decisions WHERE id >= :start AND id < :end GROUP BY 1"  # noqa: S608
# Only the hot path calls itself so: an import that runs for an hour must not hold up the decisions.
_OLDEST_WRITER = """
SELECT CAST(extract(epoch FROM min(coalesce(xact_start, query_start))) * 1000000 AS bigint) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'winback' AND state <> 'idle'
"""


class Cursor(NamedTuple):
    """Every decision below `through` that had been committed was published, from `since` on; `counts` says how many
    of each of the latest seconds."""

    since: int
    through: int
    counts: Mapping[int, int]


def cursor_of(session: Session) -> Cursor | None:
    """None before the first time."""
    row = session.get(StreamCursor, NAME)
    if row is None:
        return None
    counts = {int(second): int(count) for second, count in row.recent["counts"].items()}
    return Cursor(int(row.recent["since"]), row.through, counts)


def move_cursor(session: Session, cursor: Cursor) -> None:
    """Keep how far it got."""
    recent = {"since": cursor.since, "counts": {str(second): count for second, count in cursor.counts.items()}}
    session.merge(StreamCursor(name=NAME, through=cursor.through, recent=recent))


def oldest_writer(session: Session) -> int:
    """An instant before which no process has begun a commit of decisions that is still under way.

    SQLite: one writer, which waits for its turn no longer than the patience of a request; so this is now.
    """
    connection = session.connection()
    if is_sqlite(connection):
        return now()
    return int(connection.execute(text(_OLDEST_WRITER)).scalar_one() or now())


def decisions_between(session: Session, start: int, end: int, most: int) -> list[DecisionRow]:
    """The first decisions of a range of ids, in order."""
    found = session.connection().execute(text(_PAGE), {"start": start, "end": end, "most": most})
    return [DecisionRow._make(row) for row in found]


def counts_between(session: Session, start: int, end: int) -> dict[int, int]:
    """How many decisions each second of a range has."""
    found = session.connection().execute(text(_COUNTS), {"start": start, "end": end})
    return {int(second): int(count) for second, count in found}


def decisions_of_second(session: Session, second: int) -> list[DecisionRow]:
    """All of them, in order."""
    return decisions_between(session, *ids_of_second(second), most=1_000_000)


def keys_of_experiments(session: Session) -> dict[int, str]:
    """Key by id."""
    return {number or 0: key for number, key in session.exec(select(col(Experiment.id), Experiment.key))}
