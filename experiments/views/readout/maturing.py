"""Decisions that are still open, and when they mature."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from experiments.model.days import day_of
from experiments.model.designing.definition import Definition
from experiments.model.tables.core import Experiment
from experiments.model.times import DAY, to_datetime, to_rfc3339
from experiments.store.joining.matured import MATURED, cursor_of
from experiments.store.joining.maturity import SLOT, open_decisions


@dataclass(frozen=True, slots=True)
class Maturity:
    """Open decisions by slot of ten minutes, and the zone in whose days they are told."""

    slots: Counter[int]
    zone: str

    @property
    def open(self) -> int:
        """How many have not matured, or were not joined yet."""
        return self.slots.total()

    def as_dict(self) -> dict[str, Any]:
        """JSON form; the days are those of the experiment's time zone, and a decision counts from its maturity on."""
        days: Counter[str] = Counter()
        zone = ZoneInfo(self.zone)
        for slot, decisions in sorted(self.slots.items()):
            days[to_datetime(day_of(slot * SLOT, zone) * DAY).date().isoformat()] += decisions
        last = max(self.slots, default=None)
        return {
            "open": self.open,
            "by_day": [{"day": day, "decisions": decisions} for day, decisions in sorted(days.items())],
            "all_by": None if last is None else to_rfc3339((last + 1) * SLOT),
        }


def maturity_of(connection: Connection, row: Experiment, definition: Definition) -> Maturity:
    """Decisions whose window has not closed, or that the joiner has not reached."""
    number = int(row.id or 0)
    slots = open_decisions(connection, number, cursor_of(connection, number, MATURED))
    return Maturity(slots, definition.time_zone)
