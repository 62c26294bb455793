"""Metrics of what the unit did: an aggregate over events of certain kinds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments.metrics.case import Event, Exposure

LIMIT = 1e150
"""Sums are held within this, so that their squares stay finite in the rollups."""


def any_event(events: Sequence[Event]) -> float:
    """1 where there is an event."""
    return 1.0 if events else 0.0


def count(events: Sequence[Event]) -> float:
    """How many events."""
    return float(len(events))


def value_sum(events: Sequence[Event]) -> float:
    """The sum of the events' values, whatever their order (exactly rounded); events without a value add nothing."""
    values = [min(max(event.value, -LIMIT), LIMIT) for event in events if event.value is not None]
    return min(max(math.fsum(values), -LIMIT), LIMIT)


AGGREGATES: dict[str, Callable[[Sequence[Event]], float]] = {"any": any_event, "count": count, "sum": value_sum}


@dataclass(frozen=True, slots=True)
class EventMetric:
    """An aggregate over events of `kinds`; `within` (microseconds) narrows the attribution window."""

    kinds: frozenset[str]
    aggregate: str
    within: int | None = None

    def compute(self, exposure: Exposure, events: Sequence[Event]) -> float:
        """The metric over attributed events."""
        until = math.inf if self.within is None else exposure.decided_at + self.within
        return AGGREGATES[self.aggregate](
            [event for event in events if event.kind in self.kinds and event.occurred_at < until]
        )
