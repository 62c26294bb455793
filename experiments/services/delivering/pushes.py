"""Push assignments out, batch by batch, and record what went: at least once to the receiver, exactly once in the log.

A batch is read, sent outside any transaction, recorded as `delivered` outcomes, and only then is the cursor moved. A
process that dies in between sends one batch again under the id that it had, and the record takes each decision once.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine, or_
from sqlmodel import Session, col, select

from bandit.rounds import NOTHING
from experiments.connectors.destinations import DESTINATIONS, Payload
from experiments.connectors.destinations.payloads import Refusals
from experiments.connectors.webhooks import (
    MissingSecretError,
    PushAnswer,
    Sender,
    UnsafeTargetError,
    secret_values,
    signed_headers,
)
from experiments.errors import NotFoundError
from experiments.model.assigned import Assigned
from experiments.model.ids import public_id
from experiments.model.tables.core import Experiment
from experiments.model.tables.deliveries import Delivery, DestinationEntry
from experiments.model.times import SECOND, now
from experiments.services.recording.intake import Intake
from experiments.services.recording.reading import Report
from experiments.store.alerts import Notice, raise_alert, resolve_alerts
from experiments.store.batching.batch_results import Numbers
from experiments.store.batching.deliveries import (
    DeliverableRow,
    assigned_rows,
    chosen_by_batch,
    deliverable,
    find_delivery,
)
from experiments.store.core.engine import reading, transaction
from experiments.store.designing.revisions import RevisionBook
from experiments.store.recording.outcome_log import seen_before

SOURCE = "delivery"
SILENCE = 60 * SECOND
"""A running delivery that has not been heard of for this long lost its process."""

FINAL = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
"""Answers that trying again will not change; so are redirections, which are not followed."""

MOST_REFUSALS = 100
_AT_ONCE = 200
"""Outcomes of one transaction: on SQLite decisions wait for it."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts, in seconds: drawn from [0, base x 2^n], at most `longest`; dead after `attempts`."""

    base: float = 5.0
    longest: float = 900.0
    attempts: int = 8

    def wait(self, failed: int, asked: float | None) -> float:
        """The wait after so many failed attempts; never less than the receiver asked for."""
        drawn = random.uniform(0.0, min(self.longest, self.base * 2**failed))  # noqa: S311 - jitter, no secret
        return max(drawn, asked or 0.0)


class Batch(NamedTuple):
    """What is pushed next: of the `seen` decisions up to `through` those that are `going`, as `rows`.

    `withheld` of them are of units that nobody may contact.
    """

    delivery: Delivery
    destination: DestinationEntry
    experiment: Experiment
    through: int
    seen: int
    going: list[DeliverableRow]
    rows: list[Assigned]
    withheld: int


def claim_delivery(engine: Engine) -> int | None:
    """Take up the oldest push that is due, or whose process died; None where there is none."""
    moment = now()
    silent = (col(Delivery.status) == "running") & (col(Delivery.heartbeat_at) < moment - SILENCE)
    again = (col(Delivery.status) == "waiting") & (col(Delivery.next_attempt_at) <= moment)
    due = select(Delivery).where(or_(col(Delivery.status) == "queued", again, silent)).order_by(col(Delivery.id))
    with reading(engine) as session:  # looked for first, so that nothing waits for the one writer in vain
        if session.exec(due.limit(1)).first() is None:
            return None
    with transaction(engine) as session:
        row = session.exec(due.limit(1).with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        row.status, row.heartbeat_at = "running", moment
        session.add(row)
        return int(row.id or 0)


class Pusher:
    """Carries out claimed deliveries. For one thread. `folder` is the data directory, where results of batches are."""

    def __init__(self, engine: Engine, sender: Sender, folder: Path, backoff: Backoff | None = None) -> None:
        self._engine, self._sender, self._folder = engine, sender, folder
        self._backoff = backoff or Backoff()
        self._book = RevisionBook()
        self._intake = Intake(engine)

    def run(self, number: int, stopped: Callable[[], bool] = lambda: False) -> None:
        """Push until the delivery is over, must wait, or `stopped`; then it stands in line again."""
        with reading(self._engine) as session:
            delivery = find_delivery(session, number)
            unread = self._batch(session, delivery, [], [])
        try:
            chosen = chosen_by_batch(delivery, self._folder)
        except NotFoundError as error:
            self._failed(unread, PushAnswer(-1, str(error)))
            return
        while True:
            with reading(self._engine) as session:
                batch = self._next(session, number, chosen)
            if batch is None:
                return
            if not batch.seen:
                self._close(batch, "done")
                return
            if not self._push(batch):
                return
            if stopped():
                self._close(batch, "queued")
                return

    def _next(self, session: Session, number: int, chosen: Numbers | None) -> Batch | None:
        """The next batch; None where the delivery was cancelled, or taken from us."""
        delivery = find_delivery(session, number)
        if delivery.status != "running":
            return None
        size = session.get_one(DestinationEntry, delivery.destination_id).batch_size
        decisions = deliverable(session.connection(), delivery, delivery.cursor, size, chosen)
        clock = session.get_one(Experiment, delivery.experiment_id).clock_now
        going = [each for each in decisions if _goes_out(each, delivery, now() if clock is None else clock)]
        return self._batch(session, delivery, decisions, going)

    def _batch(
        self, session: Session, delivery: Delivery, decisions: list[DeliverableRow], going: list[DeliverableRow]
    ) -> Batch:
        """What is going of these decisions, without what was pushed there before."""
        experiment = session.get_one(Experiment, delivery.experiment_id)
        destination = session.get_one(DestinationEntry, delivery.destination_id)
        if not delivery.request["again"] and going:
            events = ((SOURCE, _event_id(destination, each.id)) for each in going)
            pushed = seen_before(session.connection(), events)
            going = [each for each in going if (SOURCE, _event_id(destination, each.id)) not in pushed]
        rows = assigned_rows(session, self._book, experiment, going)
        through = decisions[-1].id if decisions else delivery.through
        withheld = sum(each.is_withheld for each in decisions)
        return Batch(delivery, destination, experiment, through, len(decisions), going, rows, withheld)

    def _push(self, batch: Batch) -> bool:
        """Whether the batch is dealt with, so that the next can follow."""
        if not batch.rows:
            return self._advance(batch, {})
        kind = DESTINATIONS[batch.destination.kind]
        payload = Payload(
            int(batch.delivery.id or 0),
            int(batch.delivery.batches),
            batch.experiment.key,
            now(),
            batch.rows,
            batch.destination.options,
        )
        try:
            answer = self._send(batch, _encode(kind.body(payload)))
        except (MissingSecretError, UnsafeTargetError) as error:
            answer = PushAnswer(-1, str(error))
        if not answer.accepted:
            self._failed(batch, answer)
            return False
        refused = kind.refused(answer.document, payload)
        self._record(batch, refused)
        return self._advance(batch, refused)

    def _send(self, batch: Batch, body: bytes) -> PushAnswer:
        place, kind = batch.destination, DESTINATIONS[batch.destination.kind]
        headers = {"user-agent": "winback"}
        if place.credential_env is not None and kind.credential is not None:
            headers |= kind.credential(secret_values(place.credential_env)[0])
        if place.signing_env is not None:
            message = f"msg_{batch.delivery.id}_{batch.delivery.cursor}"
            headers |= signed_headers(secret_values(place.signing_env), message, int(time.time()), body)
        return self._sender.post(place.url.rstrip("/") + kind.path, body, headers)

    def _record(self, batch: Batch, refused: Refusals) -> None:
        """Each decision that the receiver took is `delivered`, once for this destination."""
        moment = now() if batch.experiment.clock_now is None else batch.experiment.clock_now
        told = _encode({"destination": batch.destination.key, "delivery": batch.delivery.id}).decode()
        reports = [
            Report(SOURCE, _event_id(batch.destination, each.id), each.id, None, "delivered", None, moment, told)
            for place, each in enumerate(batch.going)
            if place not in refused
        ]
        for start in range(0, len(reports), _AT_ONCE):
            self._intake.take(reports[start : start + _AT_ONCE])

    def _advance(self, batch: Batch, refused: Refusals) -> bool:
        with transaction(self._engine) as session:
            row = find_delivery(session, int(batch.delivery.id or 0), for_change=True)
            row.cursor, row.heartbeat_at = batch.through, now()
            row.attempts, row.error, row.next_attempt_at = 0, None, None
            row.sent += len(batch.rows) - len(refused)
            row.refused += len(refused)
            row.withheld += batch.withheld
            row.skipped += batch.seen - len(batch.going) - batch.withheld
            row.batches += 1 if batch.rows else 0
            told = {batch.rows[place].decision_id: why[:200] for place, why in refused.items()}
            row.refusals = dict(list({**row.refusals, **told}.items())[:MOST_REFUSALS])
            session.add(row)
            return row.status == "running"

    def _failed(self, batch: Batch, answer: PushAnswer) -> None:
        final = answer.status < 0 or answer.status in FINAL or 300 <= answer.status < 400
        with transaction(self._engine) as session:
            row = find_delivery(session, int(batch.delivery.id or 0), for_change=True)
            if row.status != "running":
                return
            row.attempts += 1
            row.error = f"{answer.status}: {answer.text}" if answer.status > 0 else answer.text
            if final or row.attempts >= self._backoff.attempts:
                row.status, row.finished_at, row.next_attempt_at = "dead", now(), None
                raise_alert(session, _notice(batch, row))
            else:
                wait = self._backoff.wait(row.attempts, answer.retry_after)
                row.status, row.next_attempt_at = "waiting", now() + int(wait * SECOND)
            session.add(row)

    def _close(self, batch: Batch, status: str) -> None:
        with transaction(self._engine) as session:
            row = find_delivery(session, int(batch.delivery.id or 0), for_change=True)
            if row.status != "running":
                return
            row.status = status
            if status == "done":
                row.cursor, row.finished_at = row.through, now()
                place = (row.experiment_id, batch.experiment.key)
                resolve_alerts(session, place, _alert_name(batch.destination))
            session.add(row)


def _goes_out(decision: DeliverableRow, delivery: Delivery, clock: int) -> bool:
    """Neither void, nor matured (nothing it brings would count), nor of who must be left alone, nor for nothing."""
    if decision.void is not None or decision.is_withheld:
        return False
    if decision.matures_at <= clock:
        return False
    return decision.arm != NOTHING or bool(delivery.request["include_nothing"])


def _event_id(destination: DestinationEntry, number: int) -> str:
    return f"{destination.key}:{public_id(number)}"


def _alert_name(destination: DestinationEntry) -> str:
    return f"delivery_dead:{destination.key}"


def _notice(batch: Batch, row: Delivery) -> Notice:
    title = f"Assignments of {batch.experiment.key} no longer reach {batch.destination.key}"
    detail = {"delivery": row.id, "destination": batch.destination.key, "error": row.error, "attempts": row.attempts}
    detail["remedy"] = f"mend what the error says, then POST /v1/deliveries/{row.id}/retry: it goes on where it stopped"
    return Notice(_alert_name(batch.destination), "critical", title, detail, (row.experiment_id, batch.experiment.key))
