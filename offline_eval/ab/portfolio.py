"""All campaigns together against the units that no campaign may reach: sums by bucket of units on both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from offline_eval.ab.bucketed import Bucketed, Linearised
from offline_eval.ab.bucketed_contrast import Look, linearised_contrast, widest_critical
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.contrast import Contrast, Sizes, amount_of, note_beside
from offline_eval.ab.fieller import Means
from offline_eval.ab.limits import UNLIMITED, Limits
from offline_eval.ab.money import not_computed, ratio_of
from offline_eval.ab.sequential import BURN_IN
from offline_eval.estimate import Estimate

REENGAGED, REVENUE, COSTS = "reengagement", "revenue", ("reward_cost", "contact_cost")


@dataclass(frozen=True, slots=True)
class Gain:
    """What one metric gained: `per_unit` reached minus held out, `total` that times the units reached."""

    per_unit: Contrast
    total: Estimate

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"per_unit": self.per_unit.as_dict(), "total": self.total.as_dict() | note_beside(self.per_unit)}


class Portfolio:
    """Both sides of a global holdout.

    Units are the sizes, each once however many campaigns it was in, so that nothing is added up twice. Differences are
    within strata of the holdout's share at enrolment, weighted by the units reached in each, so that a total is the sum
    over the strata of units reached times the difference there. A stratum without units on a side is left out.
    Intervals are those of `bucketed_contrast`: for looks on any day.

    Args:
        reached, held_out: metric → sums; `sizes` are units by stratum (S, B), the same for all metrics of a side, and
            `weights` of both sides the units reached.
        margin: of revenue, in net value.
    """

    def __init__(
        self, reached: Mapping[str, Bucketed], held_out: Mapping[str, Bucketed], margin: float, alpha: float = 0.05
    ) -> None:
        weights = {REVENUE: margin} | dict.fromkeys(COSTS, -1.0)
        self._look, self._margin = Look(True, alpha), margin
        made = {"cost": dict.fromkeys(COSTS, 1.0), "net_value": weights}
        self._sides = [
            {name: Linearised.of(group) for name, group in (side | _combined(side, made)).items()}
            for side in (dict(reached), dict(held_out))
        ]
        self.units = next(iter(reached.values())).units if reached else 0
        self._counted = _in_strata_of_both(reached, held_out)

    def gains(self) -> dict[str, Gain]:
        """Every metric's, `cost` and `net_value` among them."""
        return {name: self._gain(name) for name in self._sides[0]}

    def incremental_roi(self) -> dict[str, Any]:
        """What was gained beyond its cost, over the cost."""
        return self._ratio("net_value", "cost", "incremental_roi")

    def cost_per_incremental(self) -> dict[str, Any]:
        """Cost of one more unit that came back; unbounded where it may be that none did."""
        return self._ratio("cost", REENGAGED, "cost_per_incremental")

    def _gain(self, name: str) -> Gain:
        found = linearised_contrast(self._sides[0][name], self._sides[1][name], self._look)
        return Gain(found, amount_of(found, self._counted))

    def _ratio(self, top: str, bottom: str, method: str) -> dict[str, Any]:
        """Fieller's set of a ratio of two lifts; their covariance is that of the same buckets."""
        groups = [(self._sides[0][name], self._sides[1][name]) for name in (top, bottom)]
        treated, control = groups[0]
        weights = np.where(treated.present & control.present, treated.weights, 0.0)
        used = int(np.count_nonzero(treated.used | control.used))
        n, alpha = treated.units + control.units, self._look.alpha
        if not weights.sum() or used < 2 or min(treated.units, control.units) < BURN_IN:
            nothing = Estimate(None, None, None, n, 0.0, f"fieller:{method}", alpha)
            return not_computed(nothing, "too few units on a side").as_dict()
        share = weights / weights.sum()
        lifts = [float(share @ (one.means - other.means)) for one, other in groups]
        spread = np.stack([share @ (one.residuals - other.residuals) for one, other in groups])
        covariance = spread @ spread.T * (used / (used - 1))
        spreads = float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1])
        means = Means(lifts[0], lifts[1], *spreads)
        effective = Sizes(treated.units, control.units).effective_n
        empty = Estimate(None, None, None, n, effective, f"fieller:{method}", alpha)
        judged = [Paired.of(*pair) for name, pair in zip((top, bottom), groups, strict=True) if name != "cost"]
        critical = widest_critical(judged, self._look)
        if critical is None:
            value = means.top / means.bottom if means.bottom > 0 else None
            return not_computed(replace(empty, value=value), UNLIMITED).as_dict()
        return ratio_of(means, critical, empty, method).as_dict()


def _in_strata_of_both(reached: Mapping[str, Bucketed], held_out: Mapping[str, Bucketed]) -> int:
    """Units reached where there are held-out ones to compare them with."""
    if not reached or not held_out:
        return 0
    ours, theirs = (next(iter(side.values())).sizes.sum(axis=1) for side in (reached, held_out))
    return round(float(ours[theirs > 0].sum()))


def _combined(side: Mapping[str, Bucketed], made: Mapping[str, Mapping[str, float]]) -> dict[str, Bucketed]:
    """Linear combinations of a side's metrics."""
    found = {}
    for name, weights in made.items():
        totals = np.sum([weight * side[metric].totals for metric, weight in weights.items()], axis=0)
        first = side[REVENUE]
        limits = _limits({metric: side[metric].limits for metric in weights}, weights)
        found[name] = Bucketed(totals, first.sizes, first.weights, first.rounds, first.units, limits=limits)
    return found


def _limits(known: Mapping[str, Limits | None], weights: Mapping[str, float]) -> Limits | None:
    """Of a linear combination, where those of all its parts are known."""
    ends = [sorted((weights[name] * low, weights[name] * high)) for name, (low, high) in _stated(known)]
    return (sum(low for low, _ in ends), sum(high for _, high in ends)) if len(ends) == len(weights) else None


def _stated(known: Mapping[str, Limits | None]) -> list[tuple[str, Limits]]:
    return [(name, limits) for name, limits in known.items() if limits is not None]
