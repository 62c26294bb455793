"""Segments as they are kept: members, their moves, and what decisions see of them beside the profile."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, Engine, text
from sqlmodel import Session, col, select

from experiments.errors import NotFoundError
from experiments.model.tables import SQLModel
from experiments.model.tables.core import Unit
from experiments.model.tables.segments import Segment, SegmentChange, SegmentMember
from experiments.store.core.bulk import insert_rows, put_rows, update_rows
from experiments.store.core.engine import reading
from experiments.store.units.activity import open_duckdb
from experiments.store.units.erasures import refused_units

PREFIX = "segment."
"""What the names of segments begin with among the features of a decision."""

ROWS_AT_ONCE = 4096

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

_UNITS = "SELECT unit_id, profile, facts, segments FROM units WHERE unit_id > :after ORDER BY unit_id LIMIT :limit"
_MEMBERS = """
SELECT unit_id, value, features FROM segment_members
WHERE segment_id = :segment_id AND unit_id > :after ORDER BY unit_id LIMIT :limit
"""
_MOVES = """
CREATE TEMP TABLE moves AS
SELECT unit_id, old.value AS before, new.value AS after, old.features AS was, new.features AS features
FROM new FULL JOIN old USING (unit_id)
WHERE old.value IS DISTINCT FROM new.value OR old.features IS DISTINCT FROM new.features
"""
_KEPT_SINCE = """
value = excluded.value, features = excluded.features,
since = CASE WHEN segment_members.value = excluded.value THEN segment_members.since ELSE excluded.since END
"""
_PATCH = {
    "sqlite": "segments = json_patch(coalesce(units.segments, '{{}}'), {row}.segments)",
    "postgresql": "segments = jsonb_strip_nulls("
    "coalesce(units.segments, '{{}}')::jsonb || {row}.segments::jsonb)::text",
}
_PATCHED = "{patch}, segments_at = {{row}}.segments_at"


class StoredUnit(NamedTuple):
    """A row of `units`."""

    unit_id: str
    profile: str
    facts: str | None
    segments: str | None


class Move(NamedTuple):
    """A unit whose value or features change: before and after, None where it is outside."""

    unit_id: str
    before: str | None
    after: str | None
    was: str | None = None
    features: str | None = None

    def patch(self, key: str) -> dict[str, Any]:
        """What changes among the unit's features, null for what goes."""
        name = f"{PREFIX}{key}"
        old = {f"{name}.{feature}": None for feature in _decode(self.was or "{}")}
        new = {f"{name}.{feature}": value for feature, value in _decode(self.features or "{}").items()}
        return {name: self.after, **old, **new}


def find_segment(session: Session, key: str) -> Segment:
    """Raises NotFoundError."""
    row = None
    if "\0" not in key:
        row = session.exec(select(Segment).where(Segment.key == key, col(Segment.dropped_at).is_(None))).first()
    if row is None:
        raise NotFoundError(f"there is no segment {key[:64]!r}")
    return row


def stored_units(engine: Engine) -> Iterator[StoredUnit]:
    """All rows of `units`, read page by page."""
    for page in _pages(engine, _UNITS, {}):
        yield from (StoredUnit(*row) for row in page)


def members(engine: Engine, segment_id: int) -> pa.Table:
    """Who belongs to a segment now: unit_id, value, features."""
    names = ("unit_id", "value", "features")
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    batches = [
        pa.record_batch([pa.array(column, pa.string()) for column in zip(*page, strict=True)], schema=schema)
        for page in _pages(engine, _MEMBERS, {"segment_id": segment_id})
    ]
    return pa.Table.from_batches(batches, schema=schema)


@contextmanager
def moves(folder: Path, old: pa.Table, new: pa.Table) -> Iterator[tuple[int, Iterator[Move]]]:
    """How many units change between two tables of members, and each of them in the order of their ids."""
    with open_duckdb(folder) as duck:
        duck.register("old", old)
        duck.register("new", new)
        duck.execute(_MOVES)
        (count,) = duck.execute("SELECT count(*) FROM moves").fetchone() or (0,)
        cursor = duck.execute("SELECT * FROM moves ORDER BY unit_id")
        yield count, (Move(*row) for page in iter(lambda: cursor.fetchmany(ROWS_AT_ONCE), []) for row in page)


def write_moves(session: Session, segment: tuple[int, str], found: Sequence[Move], at: int) -> int:
    """Keep some units' moves: membership, its history, and what decisions see. Erased persons move nowhere: how many
    they were."""
    number, key = segment
    connection, tables = session.connection(), SQLModel.metadata.tables
    erased = refused_units(connection, (move.unit_id for move in found))
    found = [move for move in found if move.unit_id not in erased]
    stays = [move for move in found if move.after is not None]
    leaves = [move for move in found if move.after is None]
    columns = ("segment_id", "unit_id", "value", "features", "since")
    rows = [(number, move.unit_id, move.after, move.features, at) for move in stays]
    put_rows(connection, tables[SegmentMember.__tablename__], columns, _KEPT_SINCE, rows)
    _leave(connection, number, leaves)
    changes = [(number, move.unit_id, move.before, move.after, at) for move in found if move.before != move.after]
    history = ("segment_id", "unit_id", "before", "after", "changed_at")
    insert_rows(connection, tables[SegmentChange.__tablename__], history, changes)
    units, dialect = tables[Unit.__tablename__], connection.dialect.name
    patches = [(move.unit_id, "{}", at, _encode(move.patch(key)).decode(), at) for move in stays]
    patched = _PATCHED.format(patch=_PATCH[dialect])
    # A unit that is new here gets no nulls: there is nothing to take away.
    put_rows(
        connection,
        units,
        ("unit_id", "profile", "updated_at", "segments", "segments_at"),
        patched.format(row="excluded"),
        patches,
    )
    gone = [(move.unit_id, _encode(move.patch(key)).decode(), at) for move in leaves]
    update_rows(connection, units, ("unit_id", "segments", "segments_at"), patched.format(row="given"), gone)
    return len(erased)


def _leave(connection: Connection, segment_id: int, leaves: Sequence[Move]) -> None:
    rows = [{"segment_id": segment_id, "unit_id": move.unit_id} for move in leaves]
    if rows:
        statement = text("DELETE FROM segment_members WHERE segment_id = :segment_id AND unit_id = :unit_id")
        connection.execute(statement, rows)


def last_change(session: Session, segment_id: int) -> int:
    """The id of the segment's last move; 0 where nobody ever moved."""
    query = select(SegmentChange.id).where(SegmentChange.segment_id == segment_id)
    return int(session.exec(query.order_by(col(SegmentChange.id).desc()).limit(1)).first() or 0)


def count_sizes(session: Session, segment_id: int) -> dict[str, int]:
    """Units by value."""
    statement = text("SELECT value, count(*) FROM segment_members WHERE segment_id = :segment_id GROUP BY value")
    found = session.connection().execute(statement, {"segment_id": segment_id})
    return {row[0]: row[1] for row in found}


def count_flow(session: Session, segment_id: int, after: int) -> list[list[Any]]:
    """[before, after, units] of the moves after a change; most units first."""
    statement = text(
        "SELECT before, after, count(*) AS n FROM segment_changes WHERE segment_id = :segment_id AND id > :after "
        "GROUP BY before, after ORDER BY n DESC, before, after"
    )
    found = session.connection().execute(statement, {"segment_id": segment_id, "after": after})
    return [[before, to, count] for before, to, count in found]


def _pages(engine: Engine, statement: str, values: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """Keyset pages in the order of unit ids, each read in a transaction of its own."""
    after = ""
    while True:
        with reading(engine) as session:
            given = {**values, "after": after, "limit": ROWS_AT_ONCE}
            rows = session.connection().execute(text(statement), given).fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]
