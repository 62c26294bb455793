"""Units by the page, in the order of their ids, for whoever decides for many."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, text

from experiments.store.core.bulk import one_of, values_for
from experiments.store.core.engine import reading
from experiments.store.segments import find_segment

_UNITS = "SELECT unit_id FROM units WHERE unit_id > :after ORDER BY unit_id LIMIT :limit"
_MEMBERS = "SELECT unit_id FROM segment_members WHERE segment_id = :segment_id AND unit_id > :after"


def unit_pages(engine: Engine, after: str, size: int) -> Iterator[list[str]]:
    """All stored units."""
    yield from _pages(engine, _UNITS, {"limit": size}, after)


def segment_pages(engine: Engine, key: str, values: Sequence[str], after: str, size: int) -> Iterator[list[str]]:
    """The members of a segment, or those under some of its values. Raises NotFoundError."""
    with reading(engine) as session:
        number = find_segment(session, key).id
        among = f" AND {one_of(session.connection(), 'value', 'among')}" if values else ""
        given = {"among": values_for(session.connection(), values)} if values else {}
    statement = f"{_MEMBERS}{among} ORDER BY unit_id LIMIT :limit"
    yield from _pages(engine, statement, {"limit": size, "segment_id": number, **given}, after)


def present_units(engine: Engine, units: Sequence[str], segment: str | None, values: Sequence[str]) -> set[str]:
    """Which of these units are stored, or in the segment under some of its values. Raises NotFoundError."""
    with reading(engine) as session:
        connection = session.connection()
        given: dict[str, Any] = {"units": values_for(connection, units)}
        which = [one_of(connection, "unit_id", "units")]
        if segment is not None:
            given["segment_id"] = find_segment(session, segment).id
            which.append("segment_id = :segment_id")
        if values:
            given["among"] = values_for(connection, values)
            which.append(one_of(connection, "value", "among"))
        table = "units" if segment is None else "segment_members"
        statement = f"SELECT unit_id FROM {table} WHERE {' AND '.join(which)}"  # noqa: S608 - ours
        return set(connection.execute(text(statement), given).scalars())


def count_units(engine: Engine) -> int:
    """How many profiles are stored."""
    return _count(engine, "SELECT count(*) FROM units", {})


def count_members(engine: Engine, key: str, values: Sequence[str]) -> int:
    """How many units a segment has, under some of its values. Raises NotFoundError."""
    with reading(engine) as session:
        number = find_segment(session, key).id
        among = f" AND {one_of(session.connection(), 'value', 'among')}" if values else ""
        given = {"among": values_for(session.connection(), values)} if values else {}
    statement = f"SELECT count(*) FROM segment_members WHERE segment_id = :segment_id{among}"  # noqa: S608 - ours
    return _count(engine, statement, {"segment_id": number, **given})


def _count(engine: Engine, statement: str, values: Mapping[str, Any]) -> int:
    with reading(engine) as session:
        return int(session.connection().execute(text(statement), values).scalar_one())


def _pages(engine: Engine, statement: str, values: Mapping[str, Any], after: str) -> Iterator[list[str]]:
    while True:
        with reading(engine) as session:
            found = session.connection().execute(text(statement), {**values, "after": after}).scalars().all()
        if not found:
            return
        yield list(found)
        after = found[-1]
