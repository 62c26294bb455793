"""Deliveries as people ask for them: begun, cancelled, tried again."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text
from sqlmodel import Session

from experiments.errors import ConflictError, Fault, InvalidError, UnavailableError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.deliveries import Delivery
from experiments.model.times import now
from experiments.store import audit
from experiments.store.batching.deliveries import find_delivery, find_destination, last_decision
from experiments.store.core.engine import transaction
from experiments.store.designing.experiments import find

FORMATS = ("csv", "parquet", "jsonl")
OPEN = ("queued", "running", "waiting")


@dataclass(frozen=True, slots=True)
class DeliveryWish:
    """What to send: see the API's schema. `source` has batch, segment, value and since."""

    destination: str | None = None
    format: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    include_nothing: bool | None = None
    again: bool = False


def request_delivery(engine: Engine, principal: Principal, key: str, wish: DeliveryWish) -> int:
    """Queue a push, or make a file ready; the delivery's number.

    Raises ForbiddenError without the scope `experiment`, NotFoundError, InvalidError, ConflictError where it is of a
    batch that is not done.
    """
    require(principal, "experiment")
    faults = _faults(wish)
    if faults:
        raise InvalidError(faults)
    with transaction(engine) as session:
        experiment = find(session, key)
        destination = None if wish.destination is None else find_destination(session, wish.destination)
        _refuse_unknown_source(session, int(experiment.id or 0), wish.source)
        last, after = last_decision(session.connection(), int(experiment.id or 0)), _after(wish)
        nothing = destination is None if wish.include_nothing is None else wish.include_nothing
        row = Delivery(
            experiment_id=int(experiment.id or 0),
            destination_id=None if destination is None else destination.id,
            format=(wish.format or "jsonl") if destination is None else "push",
            status="ready" if destination is None else "queued",
            request={"source": dict(wish.source), "include_nothing": nothing, "again": wish.again},
            after=after,
            through=last,
            cursor=after,
            refusals={},
            created_at=now(),
            created_by=principal.name,
        )
        session.add(row)
        session.flush()
        detail = {"destination": wish.destination, "format": row.format, **row.request}
        audit.append(session, principal, "delivery.request", f"{key}/{row.id}", detail)
        return int(row.id or 0)


def cancel_delivery(engine: Engine, principal: Principal, number: int) -> None:
    """End a push that is not over; what was sent stays sent. Raises ForbiddenError, NotFoundError, ConflictError."""
    require(principal, "experiment")
    with transaction(engine) as session:
        row = find_delivery(session, number, for_change=True)
        if row.status not in OPEN:
            raise ConflictError(f"delivery {number} is {row.status}: there is nothing to cancel")
        row.status, row.finished_at = "cancelled", now()
        session.add(row)
        audit.append(session, principal, "delivery.cancel", str(number), {"sent": row.sent})


def retry_delivery(engine: Engine, principal: Principal, number: int) -> None:
    """Go on where a dead or cancelled push stopped. Raises ForbiddenError, NotFoundError, ConflictError."""
    require(principal, "experiment")
    with transaction(engine) as session:
        row = find_delivery(session, number, for_change=True)
        if row.status not in ("dead", "cancelled"):
            raise ConflictError(f"delivery {number} is {row.status}: only a dead or cancelled one goes on")
        row.status, row.attempts, row.next_attempt_at, row.finished_at = "queued", 0, None, None
        session.add(row)
        audit.append(session, principal, "delivery.retry", str(number), {"sent": row.sent})


def note_fetched(engine: Engine, number: int, counts: Mapping[str, int]) -> None:
    """A file was fetched to its end: what it had, and what was left out. Whoever may fetch it may have this noted."""
    with suppress(UnavailableError), transaction(engine) as session:  # a count is no reason to cut a file
        row = find_delivery(session, number, for_change=True)
        row.sent, row.withheld, row.skipped = counts["sent"], counts["withheld"], counts["skipped"]
        session.add(row)


def _after(wish: DeliveryWish) -> int:
    since = wish.source.get("since")
    return 0 if since is None else int(since, 36)


def _faults(wish: DeliveryWish) -> list[Fault]:
    faults = []
    source = wish.source
    if source.get("batch") is not None and source.get("segment") is not None:
        faults.append(Fault("/source", "name a batch or a segment, not both"))
    if source.get("value") is not None and source.get("segment") is None:
        faults.append(Fault("/source/value", "narrows a segment: name one"))
    since = source.get("since")
    if since is not None and not _is_cursor(since):
        faults.append(Fault("/source/since", "not a cursor that was given here"))
    faults += [
        Fault(f"/source/{name}", "must not contain NUL")
        for name in ("segment", "value")
        if "\0" in (source.get(name) or "")
    ]
    if wish.destination is not None and wish.format is not None:
        faults.append(Fault("/format", "is for files: the destination has a form of its own"))
    if wish.again and wish.destination is None:
        faults.append(Fault("/again", "is for pushes: a file always has everything"))
    return faults


def _is_cursor(since: str) -> bool:
    try:
        return since.isascii() and since.isalnum() and 0 <= int(since, 36) < 2**63
    except ValueError:
        return False


def _refuse_unknown_source(session: Session, experiment_id: int, source: Mapping[str, Any]) -> None:
    looks = {
        "batch": "SELECT status FROM batches WHERE id = :batch AND experiment_id = :experiment_id",
        "segment": "SELECT 'done' FROM segments WHERE key = :segment",
    }
    for name, look in looks.items():
        if source.get(name) is not None:
            values = {name: source[name], **({"experiment_id": experiment_id} if name == "batch" else {})}
            status = session.connection().execute(text(look), values).scalar()
            if status is None:
                raise InvalidError([Fault(f"/source/{name}", f"there is no {name} {source[name]!r:.80}")])
            if status != "done":
                way_out = "resume it and wait until it is" if status in ("failed", "cancelled") else "wait until it is"
                raise ConflictError(f"{name} {source[name]} is {status}; {way_out} done")
