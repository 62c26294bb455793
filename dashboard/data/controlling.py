"""A campaign's life and its adjustments by hand."""

from typing import Any, NamedTuple

from dashboard.data.campaigns import campaign
from dashboard.who import Who
from experiments.model.designing.states import LIVE, TRANSITIONS
from experiments.model.times import HOUR, now
from experiments.services.designing.adjusting import AdjustmentRequest, adjust_arm
from experiments.services.designing.definitions import change_experiment
from experiments.services.designing.pausing import switch_variant
from experiments.services.designing.steering import move_experiment
from experiments.services.limits.capping import propose_cap_at_start

Document = dict[str, Any]


class Adjusting(NamedTuple):
    """`enabled` (0 or 1), `cost` or `weight` of an arm; a value of None ends what is in force. `hours`: until it
    expires by itself; None: until somebody ends it."""

    arm: str
    kind: str
    value: float | None
    reason: str
    hours: float | None = None


def possible(status: str) -> list[str]:
    """What may be done with a campaign in this status."""
    return [verb for verb, transition in TRANSITIONS.items() if status in transition.sources]


def adjustable(status: str) -> bool:
    """Whether its arms and variants may be adjusted."""
    return status in LIVE


def move(who: Who, key: str, verb: str) -> None:
    """Start, pause, resume, stop or archive. Raises ForbiddenError, NotFoundError, ConflictError."""
    folder = who.settings.history_path
    cap = propose_cap_at_start(who.engine, who.principal, folder, key) if verb == "start" else None
    move_experiment(who.engine, who.principal, key, verb, None, cap)


def adjust(who: Who, key: str, asked: Adjusting) -> None:
    """Adjust an arm. Raises ForbiddenError, NotFoundError, InvalidError, ConflictError."""
    expires_at = None if asked.hours is None else now() + int(asked.hours * HOUR)
    request = AdjustmentRequest({asked.kind: asked.value}, asked.reason, expires_at)
    adjust_arm(who.engine, who.principal, key, asked.arm, request)


def switch(who: Who, key: str, variant: str, reason: str, *, enabled: bool) -> None:
    """Pause or resume a variant. Raises ForbiddenError, NotFoundError, InvalidError, ConflictError."""
    switch_variant(who.engine, who.principal, key, variant, enabled, reason)


def set_budget(who: Who, key: str, amount: float) -> None:
    """Another amount. Raises ForbiddenError, NotFoundError, InvalidError, ConflictError."""
    change_experiment(who.engine, who.principal, key, {"budget": {"amount": amount}})


def document_of(who: Who, key: str) -> Document:
    """The campaign with its state and adjustments. Raises ForbiddenError, NotFoundError."""
    return campaign(who, key)
