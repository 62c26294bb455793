"""Segments as their readers see them: sizes, flow, drift, members and their moves."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import TypeAdapter
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.segments import Segment, SegmentChange, SegmentMember, SegmentRefresh
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.segments import PREFIX, find_segment
from experiments.views.paging import Wanted, made_up_cursor, page

Document = dict[str, Any]

_AS_DURATION = TypeAdapter(timedelta)

SHOWN = 30
"""Refreshes whose sizes are shown with a segment."""


def segments(engine: Engine, principal: Principal, wanted: Wanted) -> Document:
    """A page of segments with the sizes of their last refresh. Raises ForbiddenError."""
    require(principal, "read")
    with reading(engine) as session:
        query = select(Segment).where(col(Segment.dropped_at).is_(None)).order_by(col(Segment.id))
        if wanted.after is not None:
            query = query.where(col(Segment.id) > wanted.after)
        rows = session.exec(query.limit(wanted.limit + 1)).all()
        found: Document = page(rows, wanted, lambda row: row.id, lambda row: _head(row, _refreshes(session, row, 1)))
        return found


def segment(engine: Engine, principal: Principal, key: str) -> Document:
    """Sizes, flow since the refresh before, drift, the last refreshes. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find_segment(session, key)
        found = _refreshes(session, row, SHOWN)
        running = _running(session, row)
    last = next((each for each in found if each.status == "done"), None)
    return {
        **_head(row, found),
        "model": None if last is None else last.model,
        "flow": [] if last is None else [{"from": left, "to": to, "units": count} for left, to, count in last.flow],
        "refreshing": running,
        "refreshes": [_refresh(each) for each in found],
    }


def members(engine: Engine, principal: Principal, key: str, wanted: Wanted, value: str | None = None) -> Document:
    """A page of a segment's units in the order of their ids. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find_segment(session, key)
        query = select(SegmentMember).where(SegmentMember.segment_id == row.id).order_by(col(SegmentMember.unit_id))
        if (after := wanted.after_name) is not None:
            query = query.where(col(SegmentMember.unit_id) > _unit_of(after))
        if value is not None and _sound(value, "value"):
            query = query.where(SegmentMember.value == value)
        rows = session.exec(query.limit(wanted.limit + 1)).all()
    items = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    following = wanted.next_cursor(_named(items[-1].unit_id)) if more else None
    return {"items": [_member(each) for each in items], "next_cursor": following}


def changes(engine: Engine, principal: Principal, key: str, wanted: Wanted, unit_id: str | None = None) -> Document:
    """A page of the moves into, within and out of a segment, newest first. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    with reading(engine) as session:
        row = find_segment(session, key)
        query = select(SegmentChange).where(SegmentChange.segment_id == row.id).order_by(col(SegmentChange.id).desc())
        if wanted.after is not None:
            query = query.where(col(SegmentChange.id) < wanted.after)
        if unit_id is not None and _sound(unit_id, "unit_id"):
            query = query.where(SegmentChange.unit_id == unit_id)
        rows = session.exec(query.limit(wanted.limit + 1)).all()
        found: Document = page(rows, wanted, lambda each: each.id, _change)
        return found


def _sound(text: str, name: str) -> bool:
    if "\0" in text:
        raise InvalidError([Fault("", f"query parameter {name}: must not contain NUL")])
    return True


def _head(row: Segment, found: Sequence[SegmentRefresh]) -> Document:
    last = next((each for each in found if each.status == "done"), None)
    drift = None if last is None else last.drift
    return {
        "key": row.key,
        "name": row.name,
        "kind": row.kind,
        "params": row.params,
        "feature": f"{PREFIX}{row.key}",
        "refresh_every": None if row.refresh_every is None else _duration(row.refresh_every),
        "due_at": _at(row.due_at),
        "refreshed_at": None if last is None else _at(last.finished_at),
        "units": None if last is None else last.units,
        "sizes": {} if last is None else last.sizes,
        "drift": {
            "value": drift,
            "threshold": row.drift_threshold,
            "drifted": drift is not None and drift > row.drift_threshold,
        },
        "error": found[0].error if found else None,
        "created_at": _at(row.created_at),
        "created_by": row.created_by,
    }


def _refreshes(session: Session, row: Segment, count: int) -> Sequence[SegmentRefresh]:
    """The last ones that are over, newest first; with the last done one at least where there is one."""
    query = select(SegmentRefresh).where(SegmentRefresh.segment_id == row.id).order_by(col(SegmentRefresh.id).desc())
    found = list(session.exec(query.where(SegmentRefresh.status != "running").limit(count)).all())
    if not any(each.status == "done" for each in found):
        found += session.exec(query.where(SegmentRefresh.status == "done").limit(1)).all()
    return found


def _running(session: Session, row: Segment) -> bool:
    query = select(SegmentRefresh.id).where(SegmentRefresh.segment_id == row.id, SegmentRefresh.status == "running")
    return session.exec(query.limit(1)).first() is not None


def _refresh(row: SegmentRefresh) -> Document:
    return {
        "status": row.status,
        "units": row.units,
        "sizes": row.sizes,
        "drift": row.drift,
        "error": row.error,
        "started_at": _at(row.started_at),
        "finished_at": _at(row.finished_at),
    }


def _member(row: SegmentMember) -> Document:
    features = {} if row.features is None else msgspec.json.decode(row.features)
    return {"unit_id": row.unit_id, "value": row.value, "features": features, "since": _at(row.since)}


def _change(row: SegmentChange) -> Document:
    return {"unit_id": row.unit_id, "from": row.before, "to": row.after, "changed_at": _at(row.changed_at)}


def _duration(micros: int) -> str:
    written: str = _AS_DURATION.dump_python(timedelta(microseconds=micros), mode="json")
    return written


def _at(micros: int | None) -> str | None:
    return None if micros is None else to_rfc3339(micros)


def _named(unit_id: str) -> str:
    """A unit in a cursor."""
    return urlsafe_b64encode(unit_id.encode()).decode().rstrip("=")


def _unit_of(name: str) -> str:
    try:
        unit_id = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except ValueError:
        unit_id = "\0"
    if "\0" in unit_id:
        raise made_up_cursor()
    return unit_id
