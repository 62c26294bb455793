"""The sums of some cells, and what the maths asks of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.metrics import RATIOS
from experiments.model.rollups import DECISIONS
from experiments.views.readout.bounds import PLAIN_METRICS, Bounds
from offline_eval.ab.bucketed import Counted, Linearised

Floats = NDArray[np.float64]

ROUNDS, TOTAL, SQUARES = 0, 1, 2


class Columns(NamedTuple):
    """Metric → its place, which metrics are 0 or 1 by definition (in the revision in force), what buckets are.

    `bounds` is what is known of money beforehand, `revisions` are those of the strata, in order.
    """

    places: Mapping[str, int]
    shares: frozenset[str]
    by_hour: bool
    bounds: Bounds
    revisions: Sequence[int]


class Group:
    """Sums of P metrics.

    Attributes:
        columns: what the metrics are.
        sums: (S, P, B) totals by revision, metric and bucket. flat: (S, P, 3) rounds, total, squares.
        weights: (S,) how much each revision counts. whole: of a part of the time, the same group over all time.
    """

    def __init__(
        self, columns: Columns, sums: Floats, flat: Floats, weights: Floats, whole: "Group | None" = None
    ) -> None:
        self._places, self._binary, self._by_hour, self._bounds, self._revisions = columns
        self._sums, self._flat, self._weights, self._whole = sums, flat, weights, whole
        self._over_all: list[list[float]] = flat.sum(axis=0).tolist()
        self._ready: dict[str, Linearised] = {}
        self._pooled: dict[str, Linearised] = {}

    @property
    def bounds(self) -> Bounds:
        """What is known of money beforehand."""
        return self._bounds

    def total(self, metric: str) -> float:
        """The metric's sum over all of the group."""
        return self._statistic(metric, TOTAL)

    def count(self, metric: str) -> int:
        """One of the counts."""
        return round(self.total(metric))

    def units(self, name: str) -> int:
        """How many units stand behind the group: in a part of the time, as many a decision as in the whole."""
        counted, decisions = self.count(name), self.count(DECISIONS)
        if self._whole is None or not self._whole.count(DECISIONS):
            return counted
        return max(counted, round(decisions * self._whole.count(name) / self._whole.count(DECISIONS)))

    def prepare(self, metrics: Sequence[str], units: str) -> None:
        """Make metrics per decision, and those of RATIOS, ready for contrasts: all at once."""
        plain = [name for name in metrics if name not in RATIOS]
        totals = np.stack([self._summed((name,)) for name in plain]) if plain else np.zeros((0, *self._shape))
        hits = np.array([self._statistic(name, ROUNDS) for name in plain])
        binary = np.array([self._is_binary(name) for name in plain], dtype=bool)
        limits, possible = (
            [known.get(name) for name in plain] for known in (self._bounds.limits, self._bounds.possible)
        )
        counted = Counted(self.count(DECISIONS), self.units(units), hits, binary, limits, possible)
        ready = Linearised.stack(totals, self._summed((DECISIONS,)), self._weights, counted)
        self._ready |= {name: self._where_computed(name, one) for name, one in zip(plain, ready, strict=True)}
        self._ready |= {name: self._ratio(name, units) for name in metrics if name in RATIOS}
        several = self._shape[0] > 1
        self._pooled = {name: self._ratio(name, units, pooled=True) for name in metrics if several and name in RATIOS}
        if self._whole is not None and self._by_hour:
            self._whole.prepare(metrics, units)
            effects = {name: self._whole.design_effect(name) for name in metrics}
            self._ready |= {name: self._ready[name].widened(effects[name]) for name in metrics}
            self._pooled = {name: one.widened(effects[name]) for name, one in self._pooled.items()}

    @property
    def revisions_met(self) -> list[int]:
        """Those in which the group has decisions."""
        sizes = self._summed((DECISIONS,)).sum(axis=1)
        return [number for number, size in zip(self._revisions, sizes.tolist(), strict=True) if size]

    def above_cap(self) -> float | None:
        """The share of revenue that is not counted; None where no revenue came in a revision with a cap."""
        computed = self._bounds.has_value("capped_revenue", self._revisions)
        whole, kept = (float(self._summed((name,))[computed].sum()) for name in ("revenue", "capped_revenue"))
        return min(max(1.0 - kept / whole, 0.0), 1.0) if whole > 0 else None

    def _where_computed(self, metric: str, ready: Linearised) -> Linearised:
        """Without the revisions in which the metric was not computed, and their share of what stands behind it."""
        if metric not in PLAIN_METRICS:
            return ready
        computed = self._bounds.has_value(metric, self._revisions)
        if computed.all():
            return ready
        sizes = self._summed((DECISIONS,)).sum(axis=1)
        share = float(sizes[computed].sum() / sizes.sum()) if sizes.any() else 0.0
        rounds, units = round(share * ready.rounds), round(share * ready.units)
        return replace(ready, present=ready.present & computed, rounds=rounds, units=units)

    def design_effect(self, metric: str) -> float:
        """Variance of the mean between buckets over that of independent decisions, at least 1 (Kish 1965, 8.2).

        Needs the metric prepared; of a ratio, its numerator's.
        """
        name = RATIOS[metric][0][0] if metric in RATIOS else metric
        place, sizes = self._places.get(name), self._summed((DECISIONS,)).sum(axis=1)
        if place is None or not sizes.any():
            return 1.0
        kept = sizes > 0
        weights = self._weights[kept] / self._weights[kept].sum()
        means, squares = self._flat[kept, place, TOTAL] / sizes[kept], self._flat[kept, place, SQUARES] / sizes[kept]
        independent = float(weights**2 @ ((squares - means**2) / sizes[kept]))
        _, error = self._ready[name].mean_and_error
        return max(error**2 / independent, 1.0) if error and independent > 0 else 1.0

    def _ratio(self, metric: str, units: str, pooled: bool = False) -> Linearised:
        over, under = RATIOS[metric]
        hits = max(self._statistic(name, ROUNDS) for name in over)
        counted = Counted(self.count(DECISIONS), self.units(units), np.array([hits]), np.array([False]))
        totals, sizes, weights = self._summed(over), self._summed(under), self._weights
        if pooled:
            totals, sizes, weights = totals.sum(axis=0, keepdims=True), sizes.sum(axis=0, keepdims=True), np.ones(1)
        return Linearised.stack(totals[None], sizes, weights, counted)[0]

    def linearised(self, metric: str) -> Linearised:
        """What was prepared. Raises KeyError where it was not."""
        return self._ready[metric]

    def own(self, metric: str) -> Linearised:
        """What the group's own mean comes from: a metric as it was prepared, a ratio as the ratio of its totals."""
        return self._pooled.get(metric) or self._ready[metric]

    @property
    def decisions(self) -> Floats:
        """(S,) by revision."""
        decisions: Floats = self._summed((DECISIONS,)).sum(axis=1)
        return decisions

    @property
    def _shape(self) -> tuple[int, int]:
        return self._sums.shape[0], self._sums.shape[2]

    def _statistic(self, metric: str, statistic: int) -> float:
        place = self._places.get(metric)
        return 0.0 if place is None else self._over_all[place][statistic]

    def _is_binary(self, metric: str) -> bool:
        """Every value is 0 or 1 exactly where count, sum and sum of squares agree: Σ (x - 1)² over those not 0 is 0."""
        if metric not in self._binary:
            return False
        rounds, total, squares = (self._statistic(metric, statistic) for statistic in (ROUNDS, TOTAL, SQUARES))
        return rounds == total and (rounds == squares or math.isnan(squares))

    def _summed(self, metrics: Sequence[str]) -> Floats:
        """(S, B)."""
        kept = [self._sums[:, self._places[name]] for name in metrics if name in self._places]
        return sum(kept[1:], start=kept[0]) if kept else np.zeros(self._shape)
