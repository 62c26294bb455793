"""What the choice of an interval may look at, and nothing else."""

from dataclasses import dataclass

import numpy as np

from offline_eval.moments import Matrix

TOP = 10
BLOCK = 128


@dataclass(frozen=True, slots=True)
class Weights:
    """Mergeable summary of importance weights.

    Attributes:
        largest: the TOP largest weights, descending.
        lowest_reward, highest_reward: observed range.
    """

    n: int
    total: float
    squares: float
    smallest: float
    largest: tuple[float, ...]
    positive: int
    lowest_reward: float
    highest_reward: float

    def __add__(self, other: "Weights") -> "Weights":
        return Weights(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            min(self.smallest, other.smallest),
            tuple(sorted((*self.largest, *other.largest), reverse=True)[:TOP]),
            self.positive + other.positive,
            min(self.lowest_reward, other.lowest_reward),
            max(self.highest_reward, other.highest_reward),
        )

    @property
    def effective_n(self) -> float:
        """Kish's effective sample size, (Σ w)² / Σ w²; 0 without weight."""
        return self.total**2 / self.squares if self.squares > 0 else 0.0

    @property
    def largest_share(self) -> float:
        """The largest weight's share of the sum of weights; 1 without weight."""
        return self.largest[0] / self.total if self.total > 0 else 1.0


def weights_of(weight: Matrix, reward: Matrix) -> Weights:
    """Summary of one chunk of m >= 1 rows."""
    return Weights(
        len(weight),
        float(weight.sum()),
        float(weight @ weight),
        float(weight.min()),
        _largest(weight),
        int(np.count_nonzero(weight)),
        float(reward.min()),
        float(reward.max()),
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
    """Bounds known beforehand, and the summary of the weights."""

    bounds: Bounds
    weights: Weights
    clustered: bool = False

    @property
    def weight_range(self) -> tuple[float, float]:
        """Known bounds of the weight, widened to what was observed; [0, ∞) where none are known."""
        low, high = self.bounds.weight or (0.0, float("inf"))
        return min(low, self.weights.smallest, 1.0 - 1e-9), max(high, self.weights.largest[0], 1.0 + 1e-9)

    @property
    def reward_range(self) -> tuple[float, float] | None:
        """Known bounds of the reward, or None."""
        return self.bounds.reward
