"""How many decisions variants and arms get in a day, as of late: what a gain or a loss comes to in a day.

A campaign's whole life would dilute it: many have a long tail of days with next to no decisions. The newest day is left
out where there is another: it may still be filling.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from experiments.model.rollups import DECISIONS
from experiments.store.rollups.hour_totals import last_days, totals_of_days

RECENT = 14
"""Days with decisions that the pace is of."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Matured decisions a day, by variant (voided ones too) and by arm (delivered ones), over so many `days` (UTC)."""

    days: int = 0
    variants: Mapping[str, float] = field(default_factory=dict)
    arms: Mapping[str, float] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """In words."""
        which = f"{self.days} days" if self.days > 1 else "day"
        return f"amounts a day are the mean of the last {which} with decisions"


NO_PACE = Pace()


def pace_of(connection: Connection, experiment_id: int, places: Mapping[str, int]) -> Pace:
    """Of an experiment; `places`: of its metrics in the tiers."""
    newest_first = last_days(connection, experiment_id, RECENT + 1)
    days = newest_first[1:] or newest_first
    if not days or DECISIONS not in places:
        return NO_PACE
    variants: defaultdict[str, float] = defaultdict(float)
    arms: defaultdict[str, float] = defaultdict(float)
    for variant, arm, voided, total in totals_of_days(connection, experiment_id, places[DECISIONS], days):
        variants[variant] += total / len(days)
        arms[arm] += 0.0 if voided else total / len(days)
    return Pace(len(days), variants, arms)
