"""What is asked and what is answered, as plain dataclasses. Fields that a newer service adds are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

Answer = TypeVar("Answer")
_MOMENTS = ("decided_at", "expires_at", "voided_at")


def _chance() -> str:
    return uuid4().hex


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Assignment:
    """Ask for a unit's arm. The idempotency key makes every retry of the same call the same decision."""

    unit_id: str
    context: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str = field(default_factory=_chance)
    at: datetime | None = None
    arm: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The request's body."""
        body: dict[str, Any] = {"unit_id": self.unit_id, "idempotency_key": self.idempotency_key}
        if self.context:
            body["context"] = dict(self.context)
        if self.at is not None:
            body["at"] = self.at.isoformat()
        return body if self.arm is None else {**body, "arm": self.arm}


@dataclass(frozen=True)
class Decision:
    """A decision. With `assigned` false nothing was drawn, and `reason` says why.

    `may_contact` is false where nothing may be shown or sent to the unit: nothing was drawn, or it was put on a
    suppression list since (`withheld`).

    With `fallback` the service was away: `arm` is the control that the caller named, there is no decision behind it,
    and no outcome can name it.
    """

    experiment: str
    unit_id: str
    assigned: bool
    reason: str
    arm: str | None = None
    fallback: bool = False
    decision_id: str | None = None
    variant: str | None = None
    event_type: str | None = None
    reward_kind: str | None = None
    reward_amount: float | None = None
    payload: Mapping[str, Any] | None = None
    propensity: float | None = None
    pmf: Mapping[str, float] | None = None
    revision: int | None = None
    snapshot_id: int | None = None
    epoch: int | None = None
    attempt: int | None = None
    mode: str | None = None
    decided_at: datetime | None = None
    expires_at: datetime | None = None
    withheld: str | None = None

    @property
    def may_contact(self) -> bool:
        """Whether the arm may be carried out."""
        return self.assigned and self.withheld is None


@dataclass(frozen=True)
class Outcome:
    """One event of a unit; it names its decision or its unit. Its `event_id` makes every retry the same event."""

    kind: str
    unit_id: str | None = None
    decision_id: str | None = None
    value: float | None = None
    occurred_at: datetime = field(default_factory=_now)
    event_id: str = field(default_factory=_chance)
    source: str = ""
    properties: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The request's body."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        body = {name: value for name, value in given.items() if value is not None}
        return {**body, "occurred_at": self.occurred_at.isoformat()}


@dataclass(frozen=True)
class Recorded:
    """What became of an outcome.

    `outcome_class`: accepted, duplicate, pending, unattributed, late, erased or rejected; `reason` where it was
    rejected.
    """

    event_id: str | None
    outcome_class: str
    reason: str | None = None


@dataclass(frozen=True)
class Voided:
    """A decision that is void, since when and why; the first reason given stays."""

    decision_id: str
    reason: str
    voided_at: datetime | None = None


def read(kind: type[Answer], found: Mapping[str, Any]) -> Answer:
    """The answer in a document of the service."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # every kind here is a dataclass
    given = {name: value for name, value in found.items() if name in names}
    if "class" in found and "outcome_class" in names:
        given["outcome_class"] = found["class"]
    for name in _MOMENTS:
        if isinstance(given.get(name), str):
            given[name] = datetime.fromisoformat(given[name])
    return kind(**given)
