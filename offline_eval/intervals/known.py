"""What the choice of an interval may look at, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from offline_eval.intervals.people import People
from offline_eval.intervals.sums import FiveSums
from offline_eval.intervals.tails import Thirds, skewness_of_mean
from offline_eval.moments import Matrix

TOP = 10
BLOCK = 128

AT_THE_END = 1e-12
"""A reward this close to a known bound, relative to its size, lies on it."""


EVEN = 1e-9
"""Weights this close to 1 are 1."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Mergeable summary of importance weights.

    Attributes:
        largest: the TOP largest weights, descending.
        lowest_reward, highest_reward: observed range.
        at_lowest, at_highest: rows of positive weight that have the lowest, the highest of these rewards.
        thirds: sums of third powers, by which a tail is told.
    """

    n: int
    total: float
    squares: float
    smallest: float
    largest: tuple[float, ...]
    positive: int
    lowest_reward: float
    highest_reward: float
    at_lowest: int
    at_highest: int
    thirds: Thirds

    def __add__(self, other: "Weights") -> "Weights":
        lowest, at_lowest = _end(min, (self.lowest_reward, self.at_lowest), (other.lowest_reward, other.at_lowest))
        highest, at_highest = _end(
            max, (self.highest_reward, self.at_highest), (other.highest_reward, other.at_highest)
        )
        return Weights(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            min(self.smallest, other.smallest),
            tuple(sorted((*self.largest, *other.largest), reverse=True)[:TOP]),
            self.positive + other.positive,
            lowest,
            highest,
            at_lowest,
            at_highest,
            self.thirds + other.thirds,
        )

    @property
    def effective_n(self) -> float:
        """Kish's effective sample size, (Σ w)² / Σ w²; 0 without weight."""
        return self.total**2 / self.squares if self.squares > 0 else 0.0

    @property
    def largest_share(self) -> float:
        """The largest weight's share of the sum of weights; 1 without weight."""
        return self.largest[0] / self.total if self.total > 0 else 1.0


def _end(further: Callable[[float, float], float], one: tuple[float, int], two: tuple[float, int]) -> tuple[float, int]:
    """The more extreme of two (reward, rows that have it); rows of both where they agree."""
    extreme = further(one[0], two[0])
    return extreme, sum(count for reward, count in (one, two) if reward == extreme)


def weights_of(weight: Matrix, reward: Matrix) -> Weights:
    """Summary of one chunk of m >= 1 rows."""
    lowest, highest, used = float(reward.min()), float(reward.max()), weight > 0.0
    return Weights(
        len(weight),
        float(weight.sum()),
        float(weight @ weight),
        float(weight.min()),
        _largest(weight),
        int(np.count_nonzero(used)),
        lowest,
        highest,
        int(np.count_nonzero(used & (reward == lowest))),
        int(np.count_nonzero(used & (reward == highest))),
        Thirds.of_rows(weight, reward),
    )


def _largest(weight: Matrix) -> tuple[float, ...]:
    """The TOP largest, without a full partition: the TOP-th largest of the blocks' maxima bounds them from below."""
    blocks = len(weight) // BLOCK
    if blocks > TOP:
        maxima = weight[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
        weight = weight[weight >= np.partition(maxima, -TOP)[-TOP]]
    return tuple(np.sort(weight)[::-1][:TOP].tolist())


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known beforehand about the log, not read off it.

    Attributes:
        reward: lowest and highest possible reward, or None where rewards are unbounded (revenue).
        weight: smallest and largest possible importance weight (the largest is at most 1 / the propensities' floor);
            None where no floor is known.
    """

    reward: tuple[float, float] | None = None
    weight: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Bounds known beforehand, and summaries of the weights, of the weighted rewards and of the people behind them.

    Attributes:
        people: None where every row stands for itself.
        effect: variance of the mean weighted reward over what it would be if every row stood for itself, at least 1.
        untried: share of what the target policy would do that the log could never show.
    """

    bounds: Bounds
    weights: Weights
    sums: FiveSums
    people: People | None = None
    effect: float = 1.0
    untried: float = 0.0

    @property
    def clustered(self) -> bool:
        """Whether people have several rows."""
        return self.people is not None

    @property
    def weight_range(self) -> tuple[float, float]:
        """Known bounds of the weight, widened to what was observed; [0, ∞) where none are known."""
        low, high = self.bounds.weight or (0.0, float("inf"))
        return min(low, self.weights.smallest, 1.0 - 1e-9), max(high, self.weights.largest[0], 1.0 + 1e-9)

    @property
    def heaviest(self) -> float:
        """The largest possible weight; where none is known, the largest observed."""
        most = self.weight_range[1]
        return most if np.isfinite(most) else self.weights.largest[0]

    @property
    def reward_range(self) -> tuple[float, float] | None:
        """Known bounds of the reward, or None."""
        return self.bounds.reward

    @property
    def effective_n(self) -> float:
        """Rows that would be as informative without weights and each of another person; never more than people."""
        rows = self.weights.effective_n / self.effect
        return rows if self.people is None else min(rows, self.people.effective)

    @property
    def skewness(self) -> float:
        """Of the weighted mean, in size: what its largest rewards make of it."""
        return skewness_of_mean(self.sums, self.weights.thirds, self.effect)

    @property
    def constant(self) -> float | None:
        """The one reward that all rows have, where all weights are 1 and it lies inside the range; else None."""
        found, (low, high) = self.weights, self.reward_range or (-float("inf"), float("inf"))
        alike = found.lowest_reward == found.highest_reward and low < found.lowest_reward < high
        even = found.smallest >= 1.0 - EVEN and found.largest[0] <= 1.0 + EVEN
        return found.lowest_reward if alike and even else None

    @property
    def events(self) -> tuple[float, float]:
        """Rows of positive weight above the lowest possible reward, and below the highest, by the design effect."""
        found = self.weights
        low, high = self.reward_range or (0.0, float("inf"))
        slack = AT_THE_END * max(abs(low), 1.0), AT_THE_END * max(abs(high), 1.0)
        above = found.positive - (found.at_lowest if found.lowest_reward <= low + slack[0] else 0)
        below = found.positive - (found.at_highest if found.highest_reward >= high - slack[1] else 0)
        return above / self.effect, below / self.effect

    @property
    def effective_events(self) -> tuple[float, float]:
        """The same of equal weight and size: (Σ x)² / Σ x² of x = w (r - lowest), and of w (highest - r)."""
        low, high = self.reward_range or (0.0, float("inf"))
        above = self.sums.above(low).effective_events
        below = self.sums.mirrored().above(-high).effective_events if np.isfinite(high) else float("inf")
        return above / self.effect, below / self.effect
