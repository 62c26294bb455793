"""A world of which everything is known: what every arm would have earned in every round."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm, Context, FeatureSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """T rounds and K arms. All policies meet the same rounds and the same luck, so that they can be compared in pairs.

    Attributes:
        contexts: what is known before each round.
        means: shape (T, K), the expected reward of every arm.
        rewards: shape (T, K), the reward that each arm would bring.
        delay: shape (T,), how many rounds later the reward becomes known; 0: at once.
    """

    arms: tuple[Arm, ...]
    features: FeatureSpec
    contexts: Sequence[Context]
    means: Floats
    rewards: Floats
    delay: NDArray[np.int64]


def arms_of(count: int) -> tuple[Arm, ...]:
    """Arms `a0`, `a1`, …."""
    return tuple(Arm(f"a{index}") for index in range(count))


def binary(rng: np.random.Generator, means: Floats) -> Floats:
    """0/1 rewards with these means; one uniform number for each round decides about all arms."""
    return (rng.random((len(means), 1)) < means).astype(np.float64)


def logistic(x: Floats) -> Floats:
    """1 / (1 + e^-x)."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def numbered(values: Floats) -> list[dict[str, float]]:
    """Rows of (T, d) as contexts `x0`, `x1`, …."""
    names = [f"x{index}" for index in range(values.shape[1])]
    return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def numbers_spec(width: int, categorical: tuple[str, ...] = ()) -> FeatureSpec:
    """The features of `numbered` contexts, and some categories."""
    return FeatureSpec(tuple(f"x{index}" for index in range(width)), categorical)


def at_once(rounds: int) -> NDArray[np.int64]:
    """No delay, shape (T,)."""
    return np.zeros(rounds, dtype=np.int64)
