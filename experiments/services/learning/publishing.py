"""Tell others: decisions by a cursor over their ids, everything else from the outbox; at least once, in order.

Ids rise with time but are drawn before they are committed: a decision may appear behind the cursor. Two things keep it
from being missed. The cursor stays behind the oldest commit under way, and MARGIN behind the clock. And for HORIZON
each second's decisions are counted again: a second that has more than were published is published anew, whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine

from experiments.model.deciding.decisions import DecisionRow
from experiments.model.ids import first_id, public_id, second_of
from experiments.model.tables.messages import OutboxMessage
from experiments.model.times import HOUR, SECOND, now, to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.core.outbox import forget, forget_older, waiting
from experiments.store.publishing import (
    Cursor,
    counts_between,
    cursor_of,
    decisions_between,
    decisions_of_second,
    keys_of_experiments,
    move_cursor,
    oldest_writer,
)

MARGIN = 2 * SECOND
"""Longer than a request may hold an id before its commit begins (`database_timeout`)."""

HORIZON = 300 * SECOND
"""How late a clock of another machine, or a commit that nobody saw begin, may be."""

IN_ONE = 100
"""Decisions of a message."""

AT_ONCE = 2000
_STEP = 10
"""Seconds by which the cursor moves where nothing is decided, so that the last second is counted again, too."""

SOURCE = "winback"

Sent = tuple[str, str, str, bytes]
"""Channel, id, key (whose messages keep their order), body."""
Send = Callable[[Sequence[Sent]], None]
"""Returns once the broker has all of them."""


class _Odds(Struct):
    eligible: list[str]
    pmf: list[float]


_odds = msgspec.json.Decoder(_Odds).decode
_encode = msgspec.json.Encoder().encode


class Publishing:
    """Everything that is due, once a call."""

    def __init__(self, engine: Engine, send: Send) -> None:
        self._engine, self._send = engine, send

    def decisions(self, lease: Lease) -> int:
        """Publish up to AT_ONCE decisions; how many. The first call only sets the cursor: history is exported.

        Raises LeaseLostError, UnavailableError; what was sent before is sent again.
        """
        # In a transaction before: what is committed by then is in the state that the next one sees.
        with reading(self._engine) as session:
            horizon = first_id(min(now(), oldest_writer(session)) - MARGIN)
        with reading(self._engine) as session:
            cursor = cursor_of(session)
            if cursor is None:
                return self._move(lease, Cursor(horizon, horizon, {}))
            rows = decisions_between(session, cursor.through, horizon, AT_ONCE)
            keys = keys_of_experiments(session) if rows else {}
        if rows:
            self._send(list(_messages(rows, keys)))
        elif not cursor.counts or second_of(horizon) - second_of(cursor.through) < _STEP:
            return 0
        counts = dict(cursor.counts)
        for row in rows:
            counts[second_of(row.id)] = counts.get(second_of(row.id), 0) + 1
        through = rows[-1].id + 1 if len(rows) == AT_ONCE else max(horizon, cursor.through)
        self._move(lease, Cursor(cursor.since, through, _recent(counts)))
        return len(rows)

    def late_commits(self, lease: Lease) -> int:
        """Publish anew the seconds that have more decisions than were published; how many decisions."""
        with reading(self._engine) as session:
            cursor = cursor_of(session)
            if cursor is None:
                return 0
            # The second that the cursor is in, and the one it began in, are not whole.
            start = max(first_id(now() - HORIZON), cursor.since)
            found = counts_between(session, start, cursor.through)
            behind = [
                second
                for second, count in sorted(found.items())
                if count > cursor.counts.get(second, 0) and second_of(start) < second < second_of(cursor.through)
            ]
            rows = [row for second in behind for row in decisions_of_second(session, second)]
            keys = keys_of_experiments(session) if rows else {}
        if not rows:
            return 0
        self._send(list(_messages(rows, keys)))
        counts = {**cursor.counts, **{second: found[second] for second in behind}}
        self._move(lease, cursor._replace(counts=_recent(counts)))
        return len(rows)

    def outbox(self, lease: Lease) -> int:
        """Publish what waits in the outbox and forget it; how many messages. Raises as `decisions` does."""
        with reading(self._engine) as session:
            messages = waiting(session, IN_ONE)
            keys = keys_of_experiments(session) if messages else {}
        if messages:
            self._send([_told(message, keys) for message in messages])
            with fenced(self._engine, lease) as session:
                forget(session, [message.id or 0 for message in messages])
        return len(messages)

    def _move(self, lease: Lease, cursor: Cursor) -> int:
        with fenced(self._engine, lease) as session:
            move_cursor(session, cursor)
        return 0


def drop_unheard(engine: Engine, lease: Lease) -> int:
    """Without a broker nobody is told: forget what has waited for an hour."""
    with fenced(engine, lease) as session:
        return forget_older(session, now() - HOUR)


def _recent(counts: Mapping[int, int]) -> dict[int, int]:
    oldest = second_of(first_id(now() - HORIZON)) - 1
    return {second: count for second, count in counts.items() if second >= oldest}


def _messages(rows: Sequence[DecisionRow], keys: Mapping[int, str]) -> Iterator[Sent]:
    for start in range(0, len(rows), IN_ONE):
        part = rows[start : start + IN_ONE]
        number = f"{public_id(part[0].id)}-{public_id(part[-1].id)}"
        # One key: a unit's decisions are in order because all are.
        yield "decisions", number, "decisions", _event("decision", number, "", [_document(row, keys) for row in part])


def _document(row: DecisionRow, keys: Mapping[int, str]) -> dict[str, Any]:
    odds = _odds(row.record)
    return {
        "decision_id": public_id(row.id),
        "experiment": keys.get(row.experiment_id),
        "revision": row.revision,
        "unit_id": row.unit_id,
        "variant": row.variant,
        "arm": row.arm,
        "propensity": row.propensity,
        "pmf": dict(zip(odds.eligible, odds.pmf, strict=True)),
        "snapshot_id": row.snapshot_id,
        "epoch": row.epoch,
        "attempt": row.attempt,
        "mode": row.mode,
        "decided_at": to_rfc3339(row.decided_at),
        "expires_at": to_rfc3339(row.expires_at),
    }


def _told(message: OutboxMessage, keys: Mapping[int, str]) -> Sent:
    body = dict(message.body)
    experiment = body.get("experiment_id")
    if isinstance(experiment, int) and experiment in keys:
        body = {"experiment": keys[experiment], **body}
    number = f"{message.topic}-{message.id}"
    kind = message.topic.removesuffix("s")
    return message.topic, number, message.subject, _event(kind, number, message.subject, body, message.created_at)


def _event(kind: str, number: str, subject: str, data: object, at: int | None = None) -> bytes:
    """A CloudEvent 1.0 in structured JSON."""
    return _encode(
        {
            "specversion": "1.0",
            "id": number,
            "source": SOURCE,
            "type": f"winback.{kind}.v1",
            **({"subject": subject} if subject else {}),
            "time": to_rfc3339(now() if at is None else at),
            "datacontenttype": "application/json",
            "data": data,
        }
    )
