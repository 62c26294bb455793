"""What a metric is computed from: one decision, the events that came in, and which of them count."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Event(NamedTuple):
    """One stored outcome. `named`: it names this decision; otherwise it names the decision's unit.

    `received` is the receipt on the experiment's clock; None where only `occurred_at` is known on that clock.
    """

    source: str
    event_id: str
    kind: str
    value: float | None
    occurred_at: int
    received: int | None
    named: bool


class Exposure(NamedTuple):
    """The part of a decision that metrics depend on. Instants in microseconds.

    Attributes:
        arm: key of the chosen arm.
        reward_cost: a manual cost override; None: the definition's.
        decided_at: when the window opened; an event at this very instant counts.
        closes_at: when the window closed (exclusive).
        next_at: the unit's next decision in the experiment, to which its later events belong; None: there is none.
        matures_at: the last instant of receipt that counts.
        voided: it was never delivered; what falls due with delivery was not paid for it.
    """

    arm: str
    reward_cost: float | None
    decided_at: int
    closes_at: int
    next_at: int | None
    matures_at: int
    voided: bool = False


def attributed(exposure: Exposure, events: Iterable[Event]) -> list[Event]:
    """The events that count for the decision, each (source, event_id) once, in an order of their own.

    An event that names the decision counts inside its window; one of the unit counts until the next decision (last
    touch). What was received after maturity never counts.
    """
    kept: dict[tuple[str, str], Event] = {}
    for event in events:
        if _counts(exposure, event):
            kept.setdefault((event.source, event.event_id), event)
    return list(kept.values()) if len(kept) < 2 else _ordered(list(kept.values()))


def _counts(exposure: Exposure, event: Event) -> bool:
    if not exposure.decided_at <= event.occurred_at < exposure.closes_at:
        return False
    if not event.named and exposure.next_at is not None and event.occurred_at >= exposure.next_at:
        return False
    received = event.occurred_at if event.received is None else event.received
    return received <= exposure.matures_at


def _ordered(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.occurred_at, event.source, event.event_id))
