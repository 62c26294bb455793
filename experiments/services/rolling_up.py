"""Rollups of joined rounds: what a batch adds to the totals and to the hours.

Sums can be added in any order and any grouping, so that a rollup equals one computed over all rounds at once.
"""

from collections.abc import Mapping
from typing import NamedTuple

from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.times import HOUR

REJECTED = "replay_rejected"
"""The void reason of a replay's rows that did not match: they leave every readout."""


class Cell(NamedTuple):
    """Where a decision belongs, in the order of the totals' key; `hour` counts from 1970."""

    revision: int
    variant: str
    arm: str
    segment: str
    voided: int
    bucket: int
    hour: int


class Standing(NamedTuple):
    """How a decision counts."""

    mode: str
    void: str | None
    new_unit: bool
    new_arm_unit: bool

    @property
    def learnable(self) -> bool:
        """Whether a policy may learn from it: delivered, and drawn by its policy."""
        return self.void is None and self.mode != "forced"


def hour_of(instant: int) -> int:
    """Whole hours since 1970 (floor, also before)."""
    return instant // HOUR


class Batch:
    """What one batch of rounds of an experiment adds to both tiers."""

    def __init__(self, experiment_id: int) -> None:
        self.experiment_id = experiment_id
        self._totals: dict[tuple[object, ...], list[float]] = {}
        self._hours: dict[tuple[object, ...], list[float]] = {}

    def add(self, cell: Cell, standing: Standing, metrics: Mapping[str, float]) -> None:
        """Count one round where it belongs; rejected ones nowhere, forced ones among the forced alone."""
        if standing.void == REJECTED:
            return
        if standing.mode == "forced":
            self._count(cell, FORCED)
            return
        self._count(cell, DECISIONS)
        if standing.new_unit:
            self._count(cell, UNITS)
        if standing.new_arm_unit and standing.void is None:
            self._count(cell, ARM_UNITS)
        for metric, value in metrics.items():
            self._sum(cell, metric, value)

    def _count(self, cell: Cell, metric: str) -> None:
        self._sum(cell, metric, 1.0)

    def _sum(self, cell: Cell, metric: str, value: float) -> None:
        place = (*cell[:6], metric)
        found = self._totals.get(place)
        if found is None:
            self._totals[place] = [1, value, value * value]
        else:
            found[0] += 1
            found[1] += value
            found[2] += value * value
        place = (cell.hour, *cell[:5], metric)
        found = self._hours.get(place)
        if found is None:
            self._hours[place] = [1, value]
        else:
            found[0] += 1
            found[1] += value

    def totals(self) -> list[tuple[object, ...]]:
        """Rows of rollup_totals, in the order of their keys."""
        return [(self.experiment_id, *place, *sums) for place, sums in sorted(self._totals.items())]

    def hourly(self) -> list[tuple[object, ...]]:
        """Rows of rollup_hourly, in the order of their keys."""
        return [(self.experiment_id, *place, *sums) for place, sums in sorted(self._hours.items())]
