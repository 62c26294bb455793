"""Outcomes as they are asked to be kept: what the types cannot say is checked here, every fault at once."""

from typing import NamedTuple

import msgspec

from experiments.errors import Fault
from experiments.model.deciding.decisions import MAX_INSTANT
from experiments.model.erasing import is_pseudonym
from experiments.model.ids import decision_number
from experiments.model.times import to_micros
from experiments.services.recording.messages import Outcome

MOST_PROPERTIES = 16_384
"""Bytes that an outcome's properties may have as JSON."""

LARGEST_VALUE = 1e12
"""Of an outcome: beyond it amounts are faults, and sums of squares lose their cents."""

_encode = msgspec.json.Encoder().encode


class Report(NamedTuple):
    """A well-formed outcome in the store's terms."""

    source: str
    event_id: str
    decision_id: int | None
    unit_id: str | None
    kind: str
    value: float | None
    occurred_at: int
    properties: str | None

    @property
    def event(self) -> tuple[str, str]:
        """What makes it unique."""
        return self.source, self.event_id


def read_outcome(outcome: Outcome) -> Report | list[Fault]:
    """The outcome in the store's terms, or everything that is wrong with it."""
    faults = [
        Fault(f"/{name}", "must not contain NUL")
        for name in ("event_id", "source", "unit_id")
        if "\0" in (getattr(outcome, name) or "")
    ]
    decision_id = None
    if outcome.decision_id is None and outcome.unit_id is None:
        faults.append(Fault("", "name the decision (decision_id) or the unit (unit_id)"))
    elif outcome.decision_id is not None:
        try:
            decision_id = decision_number(outcome.decision_id)
        except ValueError as error:
            faults.append(Fault("/decision_id", str(error)))
    occurred_at = to_micros(outcome.occurred_at)
    if not 0 <= occurred_at < MAX_INSTANT:
        faults.append(Fault("/occurred_at", "must lie between the years 1970 and 3000"))
    properties = None if outcome.properties is None else _encode(outcome.properties).decode()
    if properties is not None and len(properties) > MOST_PROPERTIES:
        faults.append(Fault("/properties", f"larger than {MOST_PROPERTIES:,} bytes"))
    if outcome.value is not None and not abs(outcome.value) <= LARGEST_VALUE:
        faults.append(Fault("/value", f"lies beyond {LARGEST_VALUE:,.0f} or its negative"))
    if outcome.unit_id is not None and is_pseudonym(outcome.unit_id):
        faults.append(Fault("/unit_id", "stands in the place of a person who was erased"))
    if faults:
        return faults
    return Report(
        outcome.source,
        outcome.event_id,
        decision_id,
        outcome.unit_id,
        outcome.kind,
        outcome.value,
        occurred_at,
        properties,
    )
