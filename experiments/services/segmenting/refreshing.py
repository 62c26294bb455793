"""Refresh a segment: who belongs now, what moved, how far the whole has drifted.

What is computed reads the history in one go; what changes is written in short transactions, so that decisions on the
embedded database never wait long. A refresh that was killed is done anew: what it wrote already is no difference then.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from experiments.errors import SupersededError
from experiments.model.tables.segments import Segment, SegmentRefresh
from experiments.model.times import DAY, SECOND, now
from experiments.services.segmenting import SEGMENTERS, Assigned
from experiments.services.segmenting.defining import due
from experiments.services.segmenting.source import Source
from experiments.store.alerts import Notice, raise_alert, resolve_alerts
from experiments.store.core.engine import reading, transaction
from experiments.store.core.outbox import announce
from experiments.store.segments import Move, count_flow, count_sizes, last_change, members, moves, write_moves
from offline_eval.activity import HistoryError
from offline_eval.activity.drift import population_stability

SILENCE = 30 * SECOND
"""A refresh that has not been heard of for this long lost its process."""

QUICK = 0.008
"""Seconds that one transaction should take."""

MEMORY = 28 * DAY
"""Drift is measured against the segment as it was this long ago."""

Progress = Callable[[int, int], None]
_TAKE = text(
    "UPDATE segment_refreshes SET heartbeat_at = :at WHERE id = :id AND status = 'running' AND heartbeat_at = :was"
)
_REMOVED = (
    "DELETE FROM segment_changes WHERE segment_id = :id",
    "DELETE FROM segment_refreshes WHERE segment_id = :id",
    "DELETE FROM segments WHERE id = :id",
)


class Claim(NamedTuple):
    """A refresh that this process works on."""

    id: int
    segment_id: int
    key: str
    heartbeat: int


def claim_refresh(engine: Engine, key: str | None = None) -> Claim | None:
    """Take up the segment that is longest due (or the named one); None where none is, or others are at it."""
    with transaction(engine) as session:
        for segment in due(session, now(), key):
            running = _running(session, int(segment.id or 0))
            if running is None:
                return _begun(session, segment)
            if running.heartbeat_at < now() - SILENCE:
                running.heartbeat_at = now()
                session.add(running)
                number = int(running.id or 0)
                return Claim(number, running.segment_id, segment.key, running.heartbeat_at)
    return None


def refresh(engine: Engine, folder: Path, claim: Claim, progress: Progress | None = None) -> None:
    """Carry the refresh out; one that cannot be is kept as failed, with the reason. Raises SupersededError."""
    try:
        with reading(engine) as session:
            segment = session.get_one(Segment, claim.segment_id)
        assigned = None if segment.dropped_at is not None else _assigned(engine, folder, segment)
    except HistoryError as error:
        _fail(engine, claim, str(error))
        return
    if segment.dropped_at is not None or assigned is not None:
        claim = _write(engine, folder, claim, assigned, progress or (lambda _done, _total: None))
    if segment.dropped_at is not None:
        _remove(engine, claim)
    else:
        _finish(engine, claim, None if assigned is None else assigned.model)


def fail_refresh(engine: Engine, claim: Claim, error: str) -> None:
    """Keep why it could not be done."""
    _fail(engine, claim, error)


def _assigned(engine: Engine, folder: Path, segment: Segment) -> Assigned | None:
    return SEGMENTERS[segment.kind].read(segment.params).assign(Source(engine, folder, now()))


def _write(engine: Engine, folder: Path, claim: Claim, assigned: Assigned | None, progress: Progress) -> Claim:
    old = members(engine, claim.segment_id)
    new = old.slice(0, 0) if assigned is None else assigned.table()
    size, done = 128, 0
    with moves(folder, old, new) as (count, found):
        while chunk := list(islice(found, size)):
            begun = monotonic()
            claim = _chunk(engine, claim, chunk)
            done += len(chunk)
            size = max(32, size // 2) if monotonic() - begun > QUICK else min(1024, size + 32)
            progress(done, count)
    return claim


def _chunk(engine: Engine, claim: Claim, found: Sequence[Move]) -> Claim:
    with transaction(engine) as session:
        kept = _keep(session, claim)
        write_moves(session, (claim.segment_id, claim.key), found, kept.heartbeat)
        return kept


def _keep(session: Session, claim: Claim) -> Claim:
    """Go on only where nobody else has taken the refresh over. Raises SupersededError."""
    at = max(now(), claim.heartbeat + 1)
    values = {"id": claim.id, "at": at, "was": claim.heartbeat}
    if session.connection().execute(_TAKE, values).rowcount != 1:
        raise SupersededError(f"refresh {claim.id} of {claim.key!r} is not ours any more")
    return claim._replace(heartbeat=at)


def _begun(session: Session, segment: Segment) -> Claim:
    at = now()
    row = SegmentRefresh(
        segment_id=int(segment.id or 0), status="running", sizes={}, flow=[], started_at=at, heartbeat_at=at
    )
    session.add(row)
    session.flush()
    return Claim(int(row.id or 0), row.segment_id, segment.key, at)


def _running(session: Session, segment_id: int) -> SegmentRefresh | None:
    query = select(SegmentRefresh).where(SegmentRefresh.segment_id == segment_id, SegmentRefresh.status == "running")
    return session.exec(query).first()


def _finish(engine: Engine, claim: Claim, model: dict[str, Any] | None) -> None:
    """Counting reads much and writes nothing, so it stays out of the transaction that writes."""
    with reading(engine) as session:
        segment = session.get_one(Segment, claim.segment_id)
        before = _done(session, segment)
        sizes = count_sizes(session, claim.segment_id)
        last = last_change(session, claim.segment_id)
        flow = count_flow(session, claim.segment_id, before[-1].last_change if before else 0)
        drift = _drift(segment, before, sizes)
    with transaction(engine) as session:
        _keep(session, claim)
        row = session.get_one(SegmentRefresh, claim.id)
        row.status, row.finished_at, row.units = "done", now(), sum(sizes.values())
        row.sizes, row.flow, row.drift, row.model, row.last_change = sizes, flow, drift, model, last
        session.add(row)
        _next(session, claim, row.started_at)
        _tell(session, segment, row)


def _done(session: Session, segment: Segment) -> list[SegmentRefresh]:
    query = select(SegmentRefresh).where(SegmentRefresh.segment_id == segment.id, SegmentRefresh.status == "done")
    return list(session.exec(query.order_by(col(SegmentRefresh.id))).all())


def _drift(segment: Segment, before: Sequence[SegmentRefresh], sizes: Mapping[str, int]) -> float | None:
    """Against the last refresh that is MEMORY old, else the first under these parameters; None for that one."""
    same = [row for row in before if row.started_at >= segment.defined_at and row.sizes]
    old = [row for row in same if (row.finished_at or 0) <= now() - MEMORY]
    if not same:
        return None
    return population_stability((old[-1] if old else same[0]).sizes, sizes)


def _next(session: Session, claim: Claim, started_at: int) -> None:
    """When it is due again; at once where somebody asked while this refresh was under way."""
    segment = session.get_one(Segment, claim.segment_id)
    if segment.due_at is not None and segment.due_at > started_at:
        return
    segment.due_at = None if segment.refresh_every is None else started_at + segment.refresh_every
    session.add(segment)


def _tell(session: Session, segment: Segment, row: SegmentRefresh) -> None:
    announce(session, "segments", segment.key, {"segment": segment.key, "refresh": row.id, "sizes": row.sizes})
    name = f"segment_drift:{segment.key}"
    if row.drift is not None and row.drift > segment.drift_threshold:
        detail = {"segment": segment.key, "drift": row.drift, "threshold": segment.drift_threshold}
        raise_alert(session, Notice(name, "warning", f"Segment {segment.key} has drifted", detail))
    else:
        resolve_alerts(session, None, name)


def _fail(engine: Engine, claim: Claim, error: str) -> None:
    with transaction(engine) as session:
        row = session.get(SegmentRefresh, claim.id)
        if row is None or row.status != "running":
            return
        row.status, row.finished_at, row.error = "failed", now(), error
        session.add(row)
        _next(session, claim, row.started_at)


def _remove(engine: Engine, claim: Claim) -> None:
    with transaction(engine) as session:
        _keep(session, claim)
        for statement in _REMOVED:
            session.connection().execute(text(statement), {"id": claim.segment_id})
