"""Define segments, change them, drop them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.segments import Segment
from experiments.model.times import DAY, now
from experiments.services.segmenting import SEGMENTERS
from experiments.store import audit
from experiments.store.core.engine import transaction
from experiments.store.segments import find_segment

SHORTEST = DAY // 24
"""Nobody lapses faster; a refresh reads the whole history."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A segment as it is asked for; `refresh_every` in microseconds."""

    key: str
    kind: str
    params: Mapping[str, Any]
    name: str | None = None
    refresh_every: int | None = DAY
    drift_threshold: float = 0.2


def define_segment(engine: Engine, principal: Principal, wish: Wish) -> None:
    """Define a segment; the worker fills it soon. Raises ForbiddenError, InvalidError, ConflictError."""
    require(principal, "experiment")
    params, every = _checked(wish.kind, wish.params), _cadence(wish.refresh_every)
    at = now()
    row = Segment(
        key=wish.key,
        name=wish.name or wish.key,
        kind=wish.kind,
        params=params,
        refresh_every=every,
        drift_threshold=wish.drift_threshold,
        due_at=at,
        defined_at=at,
        created_at=at,
        created_by=principal.name,
    )
    with transaction(engine) as session:
        if session.exec(select(Segment.id).where(Segment.key == wish.key)).first() is not None:
            raise ConflictError(f"there is a segment {wish.key!r} already")
        session.add(row)
        audit.append(session, principal, "segment.define", wish.key, {"kind": wish.kind, "params": params})


def change_segment(engine: Engine, principal: Principal, key: str, changes: Mapping[str, Any]) -> None:
    """Change `name`, `params`, `refresh_every` or `drift_threshold`; other parameters make it fill anew, and drift is
    measured from then. Raises ForbiddenError, NotFoundError, InvalidError."""
    require(principal, "experiment")
    with transaction(engine) as session:
        row = find_segment(session, key)
        if "params" in changes:
            row.params, row.defined_at, row.due_at = _checked(row.kind, changes["params"]), now(), now()
        if "refresh_every" in changes:
            row.refresh_every = _cadence(changes["refresh_every"])
            row.due_at = row.due_at or (None if row.refresh_every is None else now() + row.refresh_every)
        row.name = changes.get("name", row.name)
        row.drift_threshold = changes.get("drift_threshold", row.drift_threshold)
        session.add(row)
        audit.append(session, principal, "segment.change", key, dict(changes))


def drop_segment(engine: Engine, principal: Principal, key: str) -> None:
    """Drop a segment: it is gone at once, and the worker takes it out of the units' features.

    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "experiment")
    with transaction(engine) as session:
        row = find_segment(session, key)
        row.dropped_at = row.due_at = now()
        session.add(row)
        audit.append(session, principal, "segment.drop", key, {})


def ask_for_refresh(engine: Engine, principal: Principal, key: str) -> None:
    """Let the worker refresh it next. Raises ForbiddenError, NotFoundError."""
    require(principal, "experiment")
    with transaction(engine) as session:
        row = find_segment(session, key)
        row.due_at = now()
        session.add(row)


def due(session: Session, at: int, key: str | None = None) -> list[Segment]:
    """Segments to be refreshed by an instant, the longest due first; or the named one."""
    query = select(Segment).where(Segment.key == key) if key else select(Segment).where(col(Segment.due_at) <= at)
    return list(session.exec(query.order_by(col(Segment.due_at))).all())


def _checked(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    segmenter = SEGMENTERS.get(kind)
    if segmenter is None:
        raise InvalidError([Fault("/kind", f"unknown kind of segment {kind!r:.80}; known: {', '.join(SEGMENTERS)}")])
    return segmenter.read(params).model_dump(mode="json")


def _cadence(every: int | None) -> int | None:
    if every is not None and every < SHORTEST:
        raise InvalidError([Fault("/refresh_every", "must be at least an hour, or null: only when asked")])
    return every
