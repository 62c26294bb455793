"""Rollups of joined rounds: what a batch adds to the totals and to the hours.

Sums can be added in any order and any grouping, so that a rollup equals one computed over all rounds at once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.model.deciding.hashing import UNIT_BUCKETS
from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.times import HOUR
from experiments.store.joining.matured import Matured
from experiments.store.rollups.hour_totals import HOURS, DayHours, DayKey
from experiments.store.rollups.tiers import PART, PARTS, STATISTICS, CellKey, Increments, Sums

REJECTED = "replay_rejected"
"""The void reason of a replay's rows that did not match: they leave every readout."""


class Counted(NamedTuple):
    """One round as rollups see it. `bucket` is the unit's; `new_unit` and `new_arm_unit` as in store.joining."""

    decision: Matured
    segment: str
    bucket: int
    metrics: Mapping[str, float]


def counted_values(one: Matured, metrics: Mapping[str, float]) -> dict[str, float]:
    """What the round adds, by metric: rejected ones nothing, forced ones to the forced alone."""
    if one.void == REJECTED:
        return {}
    if one.mode == "forced":
        return {FORCED: 1.0}
    values = {DECISIONS: 1.0}
    if one.new_unit:
        values[UNITS] = 1.0
    if one.new_arm_unit and one.void is None:
        values[ARM_UNITS] = 1.0
    values.update(metrics)
    return values


class Batch:
    """What one batch of rounds of an experiment adds to both tiers. `places` are those of metrics met before.

    Rounds that add to the same metrics are kept together, so that sums are taken over columns.
    """

    def __init__(self, places: Mapping[str, int]) -> None:
        self._known = len(places)
        self._places = dict(places)
        self._cells: dict[tuple[int, str, str, str, int], int] = {}
        self._hours: dict[tuple[int, int], int] = {}
        self._alike: dict[tuple[str, ...], _Alike] = {}

    def add(self, round_: Counted) -> None:
        """Count one round where it belongs."""
        one = round_.decision
        values = counted_values(one, round_.metrics)
        if not values:
            return
        place = (one.revision, one.variant, one.arm, round_.segment, int(one.void is not None))
        cell = self._cells.setdefault(place, len(self._cells))
        hour = self._hours.setdefault((one.decided_at // HOUR, cell), len(self._hours))
        signature = tuple(values)
        alike = self._alike.get(signature)
        if alike is None:
            places = [self._places.setdefault(name, len(self._places)) for name in signature]
            alike = self._alike[signature] = _Alike(places, [], [], [])
        alike.buckets.append(cell * UNIT_BUCKETS + round_.bucket)
        alike.hours.append(hour)
        alike.values.append(tuple(values.values()))

    def increments(self, experiment_id: int) -> Increments:
        """The sums, in the order of the keys in the database."""
        names, cells = list(self._places), list(self._cells)
        groups = list(self._alike.values())
        buckets = np.array([bucket for alike in groups for bucket in alike.buckets], dtype=np.int64)
        rows, row_of = np.unique(buckets // PART, return_inverse=True)
        values = np.array([value for alike in groups for row in alike.values for value in row])
        sums = _moments(_spread(groups, row_of * PART + buckets % PART), values, (len(names), len(rows) * PART), 3)
        hours = np.array([hour for alike in groups for hour in alike.hours], dtype=np.int64)
        hourly = _moments(_spread(groups, hours), values, (len(names), len(self._hours)), 2)
        keys = sorted((CellKey(*(*cells[row // PARTS], row % PARTS)), at) for at, row in enumerate(rows.tolist()))
        by_row = sums.reshape(STATISTICS, len(names), len(rows), PART)[:, :, [at for _, at in keys]]
        return Increments(
            self._places,
            names[self._known :],
            [key for key, _ in keys],
            np.ascontiguousarray(by_row.transpose(2, 1, 0, 3)),
            self._hourly_rows(experiment_id, names, hourly),
            self._days(hourly),
        )

    def _hourly_rows(self, experiment_id: int, names: list[str], hourly: Sums) -> list[tuple[object, ...]]:
        """Rows of rollup_hourly in the order of their keys."""
        cells, hours = list(self._cells), list(self._hours)
        rounds, totals = hourly.tolist()
        return sorted(
            (experiment_id, hours[at][0], *cells[hours[at][1]], name, int(rounds[place][at]), totals[place][at])
            for place, name in enumerate(names)
            for at in range(len(hours))
            if rounds[place][at]
        )

    def _days(self, hourly: Sums) -> DayHours:
        """The hours over all segments; `hourly` as (2, metrics, hours)."""
        cells, keys = list(self._cells), dict[DayKey, int]()
        rows = []
        for hour, cell in self._hours:
            revision, variant, arm, _, voided = cells[cell]
            row = keys.setdefault(DayKey(hour // HOURS, revision, variant, arm, voided), len(keys))
            rows.append(row * HOURS + hour % HOURS)
        statistics, metrics, _ = hourly.shape
        sums = np.zeros((len(keys) * HOURS, metrics, statistics))
        np.add.at(sums, rows, hourly.transpose(2, 1, 0))
        by_day = sums.reshape(len(keys), HOURS, metrics, statistics)
        return DayHours(list(keys), np.ascontiguousarray(by_day.transpose(0, 2, 3, 1)))


class _Alike(NamedTuple):
    """Rounds that add to the same metrics: their cell x 256 + bucket, hour and values."""

    places: list[int]
    buckets: list[int]
    hours: list[int]
    values: list[tuple[float, ...]]


Places = tuple[NDArray[np.int64], NDArray[np.int64]]


def _spread(groups: Sequence[_Alike], at: NDArray[np.int64]) -> Places:
    """(metric's place, position) of every value, the values of a round after each other."""
    widths = np.array([len(alike.places) for alike in groups for _ in alike.values], dtype=np.int64)
    metrics = [place for alike in groups for place in alike.places * len(alike.values)]
    return np.array(metrics, dtype=np.int64), np.repeat(at, widths)


def _moments(places: Places, values: Sums, shape: tuple[int, int], count: int) -> Sums:
    """Rounds that are not zero, totals and, for `count` 3, squares: shape (count, metrics, positions)."""
    flat = places[0] * shape[1] + places[1]
    weights = (np.ones_like(values), values, values * values)[:count]
    summed: Sums = np.stack([np.bincount(flat, weight, shape[0] * shape[1]) for weight in weights])
    return summed.reshape(count, *shape)
