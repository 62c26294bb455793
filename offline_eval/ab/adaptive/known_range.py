"""Arm contrasts in a metric whose range is known: bounds from the first round on, at any look."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

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


@dataclass(frozen=True, slots=True)
class KnownRange:
    """Two arms' scores (or one arm's) in a metric within `limits`; `reach` is by the same snapshots.

    The weight of a snapshot is 1 / max(mean 1/p, largest 1/p / 4), of the arms added: about as many draws as it has. It
    looks at probabilities alone; a snapshot with a probability below 1/10,000 weighs nothing.
    """

    pair: PairOfArms
    reach: Reach
    limits: Limits

    @property
    def weights(self) -> Floats:
        """(T,) by snapshot."""
        most = self.reach.inverse
        known = np.where(np.isfinite(most), most, 1.0)
        return np.where(np.isfinite(most), 1 / np.maximum(self.pair.difference.inverse, known / STEEPEST), 0.0)

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
        up, down = self._sides()
        least, most = self._possible()
        return max(up.lower_bound(alpha / 2), least), min(-down.lower_bound(alpha / 2), most)

    def p_value(self, mean: float = 0.0) -> float:
        """Always valid: twice the inverse of the larger wealth."""
        up, down = self._sides()
        return min(1.0, 2 * math.exp(-max(up.log_wealth(mean), down.log_wealth(-mean), 0.0)))

    def ratio_bounds(self, alpha: float) -> tuple[float | None, float | None]:
        """Of the arm's mean over the control's, for metrics that cannot be negative; None: unbounded.

        Every ratio ρ is tested by the scores of arm - ρ control, whose mean is 0.
        """
        goal = -math.log(alpha / 2)
        lower = _crossing(lambda ratio: self._against_ratio(ratio)[0].log_wealth(0.0) - goal)
        upper = _crossing(lambda ratio: goal - self._against_ratio(ratio)[1].log_wealth(0.0))
        return (0.0 if lower == RATIOS[0] else lower), (None if upper == RATIOS[1] else upper)

    def _possible(self) -> tuple[float, float]:
        if self.pair.bottom is None:
            return self.limits
        width = self.limits[1] - self.limits[0]
        return -width, width

    def _sides(self) -> tuple[Terms, Terms]:
        found, weights = self.pair.difference, self.weights
        centre = _means_so_far(found, weights)
        squares = found.squares - 2 * centre * found.total + centre**2 * found.n
        falls = (self.reach.drop() + centre, self.reach.rise() - centre)
        return self._terms(found.total, squares, falls)

    def _against_ratio(self, ratio: float) -> tuple[Terms, Terms]:
        top, bottom, both = self.pair.top, self.pair.bottom, self.pair.difference
        if bottom is None:
            raise ValueError("a ratio needs a control")
        crossed = (top.squares + bottom.squares - both.squares) / 2
        squares = top.squares - 2 * ratio * crossed + ratio**2 * bottom.squares
        scale = 1 / max(1.0, ratio)  # the bets suit terms of about 1
        falls = (scale * self.reach.drop(ratio), scale * self.reach.rise(ratio))
        return self._terms(scale * (top.total - ratio * bottom.total), scale**2 * squares, falls)

    def _terms(self, total: Floats, squares: Floats, falls: tuple[Floats, Floats]) -> tuple[Terms, Terms]:
        """In units of the range, so that the bets suit."""
        unit = self.weights / (self.limits[1] - self.limits[0])
        mass, squares = unit * self.pair.difference.n, unit**2 * np.maximum(squares, 0.0)
        return (
            Terms(mass, unit * total, squares, unit * falls[0]),
            Terms(mass, -unit * total, squares, unit * falls[1]),
        )


def _means_so_far(found: Scores, weights: Floats) -> Floats:
    """(T,) from earlier snapshots alone."""
    mass = np.cumsum(weights * found.n) - weights * found.n
    total = np.cumsum(weights * found.total) - weights * found.total
    return np.asarray(total / (mass + PRIOR_MASS))


def _crossing(surplus: Callable[[float], float]) -> float:
    """Where a falling function of the ratio crosses 0, to a millionth; an end of RATIOS where it does not."""
    low, high = (math.log(ratio) for ratio in RATIOS)
    if surplus(RATIOS[0]) <= 0:
        return RATIOS[0]
    if surplus(RATIOS[1]) >= 0:
        return RATIOS[1]
    return math.exp(brentq(lambda x: surplus(math.exp(x)), low, high, xtol=1e-6))
