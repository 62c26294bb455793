"""Arm contrasts in a metric whose range is known: bounds from the first round on, at any look."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from offline_eval.ab.adaptive.cells import Floats
from offline_eval.ab.adaptive.reach import Limits, Reach
from offline_eval.ab.adaptive.scores import PairOfArms, Scores
from offline_eval.ab.adaptive.wealth import Terms

STEEPEST = 4.0
"""A snapshot weighs no more than as if its mean 1/p were its largest one over this."""

PRIOR_MASS = 50.0
"""The centre of a snapshot's squares is the mean so far, drawn to 0 as if so much weight had shown that."""

RATIOS = (1e-6, 1e6)
"""Ratios of means beyond these are as good as 0 and ∞."""


@dataclass(frozen=True, eq=False)
class KnownRange:
    """Two arms' scores (or one arm's) in a metric within `limits`; `reach` is by the same snapshots.

    The weight of a snapshot is 1 / max(mean 1/p, largest 1/p / 4), of the arms added: about as many draws as it has. It
    looks at probabilities alone; a snapshot with a probability below 1/10,000 weighs nothing.
    """

    pair: PairOfArms
    reach: Reach
    limits: Limits
    weights: Floats

    @classmethod
    def of(cls, pair: PairOfArms, reach: Reach, limits: Limits) -> "KnownRange":
        """With (T,) weights."""
        most = reach.inverse
        known = np.isfinite(most)
        steep = np.where(known, most, 1.0) / STEEPEST
        return cls(pair, reach, limits, np.where(known, 1 / np.maximum(pair.difference.inverse, steep), 0.0))

    @property
    def value(self) -> float | None:
        """The weighted mean."""
        found, weights = self.pair.difference, self.weights
        mass = float(weights @ found.n)
        return float(weights @ found.total) / mass if mass else None

    @property
    def control_value(self) -> float | None:
        """The control's weighted mean."""
        mass = float(self.weights @ self.pair.difference.n)
        return float(self.weights @ self.pair.bottom.total) / mass if self.pair.bottom and mass else None

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Of the difference, each side at α/2, and never beyond what is possible."""
        up, down = self._sides
        least, most = self._possible()
        return max(up.lower_bound(alpha / 2), least), min(-down.lower_bound(alpha / 2), most)

    def p_value(self, mean: float = 0.0) -> float:
        """Always valid: twice the inverse of the larger wealth."""
        up, down = self._sides
        return min(1.0, 2 * math.exp(-max(up.log_wealth(mean), down.log_wealth(-mean), 0.0)))

    def ratio_bounds(self, alpha: float) -> tuple[float | None, float | None]:
        """Of the arm's mean over the control's, for metrics that cannot be negative; None: unbounded.

        Every ratio ρ is tested by the scores of arm - ρ control, whose mean is 0.
        """
        goal, likely = -math.log(alpha / 2), self._likely_ratio()
        low, high = RATIOS[0], RATIOS[1]
        lower = _crossing(lambda ratio: self._against_ratio(ratio, 1.0) - goal, (low, likely))
        upper = _crossing(lambda ratio: goal - self._against_ratio(ratio, -1.0), (likely, high))
        return (0.0 if lower <= low else lower), (None if upper >= high else upper)

    def _likely_ratio(self) -> float:
        value, control = self.value, self.control_value
        ratio = (value or 0.0) / control + 1 if control else 1.0
        return min(max(ratio, 2 * RATIOS[0]), RATIOS[1] / 2)

    def _possible(self) -> tuple[float, float]:
        if self.pair.bottom is None:
            return self.limits
        width = self.limits[1] - self.limits[0]
        return -width, width

    @cached_property
    def _sides(self) -> tuple[Terms, Terms]:
        found, weights = self.pair.difference, self.weights
        centre = _means_so_far(found, weights)
        squares = found.squares - 2 * centre * found.total + centre**2 * found.n
        up = self._terms(found.total, squares, self.reach.drop() + centre)
        return up, self._terms(-found.total, squares, self.reach.rise() - centre)

    def _against_ratio(self, ratio: float, sign: float) -> float:
        """ln of the wealth against "the ratio is at most (sign -1: at least) this one"."""
        top, bottom, both = self.pair.top, self.pair.bottom, self.pair.difference
        if bottom is None:
            raise ValueError("a ratio needs a control")
        crossed = (top.squares + bottom.squares - both.squares) / 2
        squares = top.squares - 2 * ratio * crossed + ratio**2 * bottom.squares
        scale = 1 / max(1.0, ratio)  # the bets suit terms of about 1
        fall = self.reach.drop(ratio) if sign > 0 else self.reach.rise(ratio)
        total = sign * scale * (top.total - ratio * bottom.total)
        return self._terms(total, scale**2 * squares, scale * fall).log_wealth(0.0)

    def _terms(self, total: Floats, squares: Floats, fall: Floats) -> Terms:
        """In units of the range, so that the bets suit."""
        unit = self.weights / (self.limits[1] - self.limits[0])
        squares = unit**2 * np.maximum(squares, 0.0)
        return Terms(unit * self.pair.difference.n, unit * total, squares, unit * fall)


def _means_so_far(found: Scores, weights: Floats) -> Floats:
    """(T,) from earlier snapshots alone."""
    mass = np.cumsum(weights * found.n) - weights * found.n
    total = np.cumsum(weights * found.total) - weights * found.total
    return np.asarray(total / (mass + PRIOR_MASS))


def _crossing(surplus: Callable[[float], float], ends: tuple[float, float]) -> float:
    """Where a falling function of the ratio crosses 0, to 1 in 100,000; an end where it does not."""
    low, high = math.log(ends[0]), math.log(ends[1])
    known = {low: surplus(ends[0]), high: surplus(ends[1])}  # the solver asks for them again
    if known[low] <= 0:
        return ends[0]
    if known[high] >= 0:
        return ends[1]
    return math.exp(
        scipy.optimize.brentq(lambda x: known[x] if x in known else surplus(math.exp(x)), low, high, xtol=1e-5)
    )
