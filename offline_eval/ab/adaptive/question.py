"""What is asked of cells: an arm, or an arm and the control, in a metric of which the range may be known."""

from dataclasses import dataclass

import numpy as np

from offline_eval.ab.adaptive.cells import EVENTS, REWARD, SQUARES, Cells, Floats
from offline_eval.ab.adaptive.reach import Limits, Reach, reach_of
from offline_eval.ab.adaptive.scores import PairOfArms, Scores, Stack
from offline_eval.ab.adaptive.skewness import Skewness, skewness
from offline_eval.ab.adaptive.weighing import deviations

SHARES: Limits = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Question:
    """One contrast.

    Attributes:
        limits: given, or (0, 1) where only 0 and 1 were seen; None where nothing bounds the metric.
    """

    stack: Stack
    pair: PairOfArms
    arm: str
    control: str | None
    alpha: float
    limits: Limits | None

    @classmethod
    def of(cls, cells: Cells | Stack, arm: str, control: str | None, alpha: float, limits: Limits | None) -> "Question":
        """From cells. Raises ValueError where an arm is unknown or a range is empty."""
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError(f"the least value, {limits[0]}, must be below the most, {limits[1]}")
        stack = cells if isinstance(cells, Stack) else Stack.of(cells)
        known = limits or (SHARES if only_zero_or_one(stack) else None)
        return cls(stack, PairOfArms.of(stack, arm, control), arm, control, alpha, known)

    @property
    def found(self) -> Scores:
        """Scores of the difference."""
        return self.pair.difference

    @property
    def reach(self) -> Reach:
        """Of the scores; where no range is known, of what they are likely to be."""
        return reach_of(self.stack, self.arm, self.control, self.pair, self.limits)

    def skewness(self, weights: Floats, value: float) -> Skewness:
        """Of the weighted mean, at most or (without known limits) probably."""
        reach = self.reach
        unknown = ~np.isfinite(reach.inverse) & (weights > 0)
        if unknown.any():
            return Skewness(float("inf"), float("inf"))
        return skewness(weights, deviations(self.found, value), reach.rise() - value, reach.drop() + value)


def only_zero_or_one(stack: Stack) -> bool:
    """Whether every reward that was seen is 0 or 1, and some is 1: Σ y² = Σ y = their number only then."""
    events, total, squares = stack.margin[:, [EVENTS, REWARD, SQUARES]].sum(axis=0)
    return bool(events > 0 and events == total == squares)
