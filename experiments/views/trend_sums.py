"""Sums by slot of time, gathered as columns: a trend of half a year has tens of thousands of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.model.rollups import DECISIONS
from experiments.store.rollups.days import Row
from experiments.store.rollups.hour_totals import HOURS, ROUNDS, TOTAL, DayHours

Integers = NDArray[np.int64]
Columns = dict[str, dict[str, list[float]]]


class Group(NamedTuple):
    """Whose sums they are."""

    variant: str
    arm: str
    voided: int


class _Part(NamedTuple):
    """(N,) sums: slot of time, places of the group and of the metric, total."""

    slot: Integers
    group: Integers
    metric: Integers
    total: NDArray[np.float64]


class TrendSums:
    """Sums of metrics by group and slot."""

    def __init__(self) -> None:
        self._groups: dict[Group, int] = {}
        self._metrics: dict[str, int] = {}
        nothing = np.zeros(0, dtype=np.int64)
        self._parts: list[_Part] = [_Part(nothing, nothing, nothing, np.zeros(0))]

    def add_rows(self, rows: Sequence[Row], slot_of: Callable[[int], int] = lambda slot: slot) -> None:
        """Rows of the daily or the hourly tier."""
        if not rows:
            return
        slot, variant, arm, voided, metric, total = zip(*rows, strict=True)
        groups = [self._group(*key) for key in zip(variant, arm, voided, strict=True)]
        metrics = [self._metric(name) for name in metric]
        self._add(_slots(np.array(slot), slot_of), np.array(groups), np.array(metrics), np.array(total))

    def add_hours(self, found: DayHours, places: Mapping[str, int], slot_of: Callable[[int], int]) -> None:
        """Hours over all segments."""
        row, place, hour = np.nonzero(found.sums[:, :, ROUNDS])
        days = np.array([key.day for key in found.keys], dtype=np.int64)
        groups = np.array([self._group(key.variant, key.arm, key.voided) for key in found.keys], dtype=np.int64)
        metrics = np.zeros(len(places), dtype=np.int64)
        for name, at in places.items():
            metrics[at] = self._metric(name)
        self._add(
            _slots(days[row] * HOURS + hour, slot_of), groups[row], metrics[place], found.sums[row, place, TOTAL, hour]
        )

    def slots(self) -> list[int]:
        """Those with anything in them, in order."""
        found: list[int] = np.unique(np.concatenate([part.slot for part in self._parts])).tolist()
        return found

    def columns(self, slots: Sequence[int], label: str, *, delivered: bool = False) -> Columns:
        """Variant or arm (the `label` of a group) → metric → totals by slot; only metrics that were met."""
        names = [getattr(group, label) for group in self._groups]
        labels = sorted(set(names))
        metrics, width = list(self._metrics), len(self._metrics)
        of_group = np.array([labels.index(name) for name in names], dtype=np.int64)
        kept = np.array([not (delivered and group.voided) for group in self._groups], dtype=bool)
        totals, met = np.zeros(len(labels) * width * len(slots)), np.zeros(len(labels) * width, dtype=np.int64)
        first = slots[0] if slots else 0
        for part in self._parts:
            inside = (part.slot >= first) & kept[part.group] if len(part.slot) else np.zeros(0, dtype=bool)
            place = of_group[part.group[inside]] * width + part.metric[inside]
            at = place * len(slots) + np.searchsorted(slots, part.slot[inside])
            totals += np.bincount(at, part.total[inside], len(totals))
            met += np.bincount(place, minlength=len(met))
        lists = totals.reshape(len(labels), width, len(slots)).tolist()
        shown = [(place, _shown(metric)) for place, metric in enumerate(metrics)]
        found = {
            name: {metric: lists[at][place] for place, metric in shown if metric and met[at * width + place]}
            for at, name in enumerate(labels)
        }
        return {name: one for name, one in found.items() if one}

    def _group(self, variant: str, arm: str, voided: int) -> int:
        return self._groups.setdefault(Group(variant, arm, voided), len(self._groups))

    def _metric(self, name: str) -> int:
        return self._metrics.setdefault(name, len(self._metrics))

    def _add(self, slot: Integers, group: Integers, metric: Integers, total: NDArray[np.float64]) -> None:
        if len(slot):
            self._parts.append(_Part(slot, group, metric, total))


def _shown(metric: str) -> str:
    """Its name in a trend; empty where it is none of a trend's."""
    if metric == DECISIONS:
        return "decisions"
    return "" if metric.startswith("#") else metric


def _slots(found: Integers, slot_of: Callable[[int], int]) -> Integers:
    values, at = np.unique(found, return_inverse=True)
    return np.array([slot_of(value) for value in values.tolist()], dtype=np.int64)[at]
