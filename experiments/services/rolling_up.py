"""Rollups of joined rounds: what a batch adds to the totals and to the hours.

Sums can be added in any order and any grouping, so that a rollup equals one computed over all rounds at once.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.times import HOUR
from experiments.store.rollups import PART, STATISTICS, CellKey, Increments, Sums

REJECTED = "replay_rejected"
"""The void reason of a replay's rows that did not match: they leave every readout."""


class Cell(NamedTuple):
    """Where a decision belongs; `hour` counts from 1970, `bucket` is the unit's."""

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
    """What one batch of rounds of an experiment adds to both tiers. `places` are those of metrics met before."""

    def __init__(self, places: Mapping[str, int]) -> None:
        self._known = len(places)
        self._places = dict(places)
        self._rows: dict[CellKey, int] = {}
        self._hours: dict[tuple[object, ...], int] = {}
        # One entry per round and metric: row, hour's row, place, bucket within the row, value.
        self._entries: list[tuple[int, int, int, int, float]] = []

    def add(self, cell: Cell, standing: Standing, metrics: Mapping[str, float]) -> None:
        """Count one round where it belongs; rejected ones nowhere, forced ones among the forced alone."""
        if standing.void == REJECTED:
            return
        if standing.mode == "forced":
            self._enter(cell, {FORCED: 1.0})
            return
        counts = {DECISIONS: 1.0}
        if standing.new_unit:
            counts[UNITS] = 1.0
        if standing.new_arm_unit and standing.void is None:
            counts[ARM_UNITS] = 1.0
        self._enter(cell, counts | metrics)

    def _enter(self, cell: Cell, values: Mapping[str, float]) -> None:
        part, bucket = divmod(cell.bucket, PART)
        place = cell[:5]
        row = self._rows.setdefault(CellKey(*place, part), len(self._rows))
        hour = self._hours.setdefault((cell.hour, *place), len(self._hours))
        places = self._places
        for metric, value in values.items():
            self._entries.append((row, hour, places.setdefault(metric, len(places)), bucket, value))

    def increments(self, experiment_id: int) -> Increments:
        """The sums, in the order of the keys in the database."""
        names = list(self._places)
        columns = np.array(self._entries, dtype=np.float64).reshape(-1, 5).T
        row, hour, place, bucket = columns[:4].astype(np.int64)
        shape = (len(self._rows), len(names), STATISTICS, PART)
        sums = _summed((row, place, bucket), columns[4], shape)
        order = sorted(self._rows, key=self._rows.__getitem__)
        ranked = sorted(range(len(order)), key=order.__getitem__)
        hourly = _hourly(experiment_id, list(self._hours), names, (hour, place, columns[4]))
        return Increments(self._places, names[self._known :], [order[one] for one in ranked], sums[ranked], hourly)


Ints = NDArray[np.int64]


def _summed(at: tuple[Ints, Ints, Ints], values: Sums, shape: tuple[int, int, int, int]) -> Sums:
    """Counts, totals and squares by (row, metric, bucket), shape (R, P, 3, 16)."""
    rows, metrics, _, buckets = shape
    flat = np.ravel_multi_index(at, (rows, metrics, buckets)) if len(values) else np.zeros(0, dtype=np.int64)
    size = rows * metrics * buckets
    parts = [np.bincount(flat, weights, size) for weights in (np.ones_like(values), values, values * values)]
    return np.stack([part.reshape(rows, metrics, buckets) for part in parts], axis=2)


def _hourly(
    experiment_id: int, hours: list[tuple[object, ...]], names: list[str], entries: tuple[Ints, Ints, Sums]
) -> list[tuple[object, ...]]:
    """Rows of rollup_hourly in the order of their keys."""
    hour, place, values = entries
    flat = hour * len(names) + place
    size = len(hours) * len(names)
    rounds, totals = np.bincount(flat, minlength=size), np.bincount(flat, values, size)
    return sorted(
        (experiment_id, *hours[at // len(names)], names[at % len(names)], int(rounds[at]), float(totals[at]))
        for at in np.flatnonzero(rounds)
    )
