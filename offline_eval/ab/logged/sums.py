"""Weighted sums of two groups over the rows where both could have been drawn, mergeable with `+`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N, EVENTS, NEGATIVE, W, WW, WWW, WY, WWY, WWYY, WWWY, WWWYY, WWWYYY = range(12)
"""Of the rows of one side where the metric y is known: 1, y ≠ 0, y < 0, and products of w = 1/p and y."""

COLUMNS = 12

TOP = 64
"""So many of the largest weighted amounts are kept, to see how heavy their tail is."""

STRATA = 1024
"""Beyond so many strata their own sums are not kept: variances are then those of given probabilities, too wide."""

CLUSTERS = 4096
"""Up to so many units each have sums of their own; more share as many by their hash."""


@dataclass(frozen=True, slots=True)
class PairSums:
    """Sums of a pair of groups in one segment, M metrics.

    Attributes:
        common: rows where both could have been drawn, whatever was.
        sums: (2, M, COLUMNS) by side, treated first.
        largest: (2, M) the largest weight.
        top: (2, M, TOP) the largest |w y|, in no order, 0 where there are fewer.
        people: (2, 1 + 2 M, CLUSTERS or fewer) by unit: Σ w², then Σ w and Σ w y of each metric; None where every unit
            has one row.
        strata: (2, 2 + 3 M, S) by stratum: draws and their Σ w, then 1, y and y² of each metric; None where
            probabilities are not the strata's own shares. In a segment's sums the draws are those of its batches: the
            whole's count.
    """

    common: int
    sums: Floats
    largest: Floats
    top: Floats
    people: Floats | None = None
    strata: Floats | None = None

    def __add__(self, other: "PairSums") -> "PairSums":
        top = np.concatenate([self.top, other.top], axis=2)
        return PairSums(
            self.common + other.common,
            self.sums + other.sums,
            np.maximum(self.largest, other.largest),
            np.partition(top, TOP, axis=2)[:, :, TOP:],
            None if self.people is None or other.people is None else self.people + other.people,
            None if self.strata is None or other.strata is None else self.strata + other.strata,
        )


@dataclass(frozen=True, slots=True)
class SideRows:
    """Rows of one side: weights (n,), metrics (M, n), NaN where unknown, places of unit and stratum (n,) or None."""

    weight: Floats
    values: Floats
    unit: NDArray[np.intp] | None
    clusters: int
    stratum: NDArray[np.int64] | None = None
    strata: int = 0

    def within(self, kept: NDArray[np.bool_]) -> "SideRows":
        """Some of the rows, and the first metric alone."""
        return SideRows(
            self.weight[kept],
            self.values[:1, kept],
            None if self.unit is None else self.unit[kept],
            self.clusters,
            None if self.stratum is None else self.stratum[kept],
            self.strata,
        )


def pair_sums(common: int, sides: tuple[SideRows, SideRows]) -> PairSums:
    """From the rows of both sides, all of them where both could have been drawn."""
    people = None
    if sides[0].unit is not None:
        people = np.stack([_people(side) for side in sides])
    return PairSums(
        common,
        np.stack([_sums(side) for side in sides]),
        np.stack([_largest(side) for side in sides]),
        np.stack([_top(side) for side in sides]),
        people,
        None if sides[0].stratum is None else np.stack([_strata(side) for side in sides]),
    )


def _strata(side: SideRows) -> Floats:
    place = np.zeros(len(side.weight), dtype=np.int64) if side.stratum is None else side.stratum
    columns = [np.ones(len(place)), side.weight]
    for values in side.values:
        known = np.isfinite(values)
        y = np.where(known, values, 0.0)
        columns += [known.astype(float), y, y * y]
    return np.stack([np.bincount(place, column, side.strata) for column in columns])


def _sums(side: SideRows) -> Floats:
    table = np.zeros((len(side.values), COLUMNS))
    for row, values in zip(table, side.values, strict=True):
        known = np.isfinite(values)
        w, y = (side.weight[known], values[known]) if not known.all() else (side.weight, values)
        row[[N, W, WW, WWW]] = len(y), w.sum(), w @ w, (w * w) @ w
        some = np.flatnonzero(y)  # most rows earn nothing
        w, y = w[some], y[some]
        wy = w * y
        row[[EVENTS, NEGATIVE]] = len(y), np.count_nonzero(y < 0)
        row[[WY, WWY, WWYY]] = wy.sum(), w @ wy, wy @ wy
        row[[WWWY, WWWYY, WWWYYY]] = (w * w) @ wy, w @ (wy * wy), (wy * wy) @ wy
    return table


def _largest(side: SideRows) -> Floats:
    return np.array([float(side.weight[np.isfinite(values)].max(initial=0.0)) for values in side.values])


def _top(side: SideRows) -> Floats:
    table = np.zeros((len(side.values), TOP))
    for row, values in zip(table, side.values, strict=True):
        some = np.flatnonzero((values != 0) & np.isfinite(values))
        amounts = np.abs(side.weight[some] * values[some])
        largest = np.partition(amounts, len(amounts) - TOP)[-TOP:] if len(amounts) > TOP else amounts
        row[: len(largest)] = largest
    return table


def _people(side: SideRows) -> Floats:
    columns = [side.weight**2]
    for values in side.values:
        known = np.isfinite(values)
        columns += [side.weight * known, side.weight * np.where(known, values, 0.0)]
    place = np.zeros(len(side.weight), dtype=np.intp) if side.unit is None else side.unit
    return np.stack([np.bincount(place, column, side.clusters) for column in columns])
