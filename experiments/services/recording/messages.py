"""What callers report, and what they are told."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from experiments.model.designing.wording import OUTCOME_KIND

EventId = Annotated[str, Meta(min_length=1, max_length=512)]
Kind = Annotated[str, Meta(pattern=OUTCOME_KIND, description="one of ours or one's own")]
OutcomeClass = Literal["accepted", "duplicate", "pending", "unattributed", "late", "erased", "rejected"]


class Outcome(Struct, forbid_unknown_fields=True):
    """One event of a unit; it names its decision or its unit. Unique by (source, event_id)."""

    event_id: EventId
    kind: Kind
    occurred_at: Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]
    source: Annotated[str, Meta(max_length=200)] = ""
    decision_id: str | None = None
    unit_id: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    value: float | None = None
    properties: dict[str, Any] | None = None


class OutcomeFault(Struct):
    """One thing wrong with an outcome."""

    pointer: str
    detail: str


class Recorded(Struct, omit_defaults=True):
    """What became of one outcome; `reason` and `errors` only where it was rejected, and therefore not kept."""

    event_id: str | None
    outcome_class: OutcomeClass = field(name="class")
    reason: str | None = None
    errors: list[OutcomeFault] = []


class Receipt(Struct):
    """One result for each outcome, in order."""

    results: list[Recorded]
