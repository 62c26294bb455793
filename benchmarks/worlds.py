"""Worlds with known truth: contexts, arms and every arm's expected reward, drawn from a seed.

All are logistic, P(reward = 1 | x, a, t) = sigmoid(bias + strength · g_a(x, t)) with g of unit variance, 12 arms and 20
features; bias and strength are calibrated once, so that uniform play earns about .317 and the best arm about .740.

logistic      g_a = θ_a·x; favours linear models
interactions  half of the variance of g_a comes from products of a flag with other features, which no linear model sees
drifting      θ_a turns by a right angle over the rounds, so that at the end nothing learned at first is of use
delayed       as logistic, but a reward is known 1,000 rounds later and learned in batches of 250
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit.rounds import Arm

ARMS = 12
FEATURES = 20
BIAS, STRENGTH = -1.044, 1.407

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """One draw of a world.

    Attributes:
        contexts: T mappings of feature names to numbers.
        means: shape (T, K), expected rewards.
        rewards: shape (T, K), what each arm would pay; the same for every policy.
        delay: rounds until a reward is known.
        batch: rounds learned at a time.
    """

    contexts: list[dict[str, float]]
    arms: tuple[Arm, ...]
    means: Floats
    rewards: Floats
    delay: int = 0
    batch: int = 20


def _contexts(rng: np.random.Generator, rounds: int) -> Floats:
    return rng.standard_normal((rounds, FEATURES))


def _directions(rng: np.random.Generator) -> Floats:
    return rng.standard_normal((ARMS, FEATURES)) / np.sqrt(FEATURES)


def _finish(rng: np.random.Generator, x: Floats, scores: Floats, delay: int = 0, batch: int = 20) -> World:
    means = 1.0 / (1.0 + np.exp(-(BIAS + STRENGTH * scores)))
    names = [f"f{place}" for place in range(x.shape[1])]
    contexts = [dict(zip(names, row, strict=True)) for row in x.tolist()]
    arms = tuple(Arm(f"arm-{place}") for place in range(ARMS))
    return World(contexts, arms, means, (rng.random(means.shape) < means).astype(float), delay, batch)


def logistic(seed: int, rounds: int) -> World:
    """θ_a·x with independent standard normal features and weights."""
    rng = np.random.default_rng([1, seed])
    x = _contexts(rng, rounds)
    return _finish(rng, x, x @ _directions(rng).T)


def interactions(seed: int, rounds: int) -> World:
    """Two flags and 18 numbers; each arm likes products of a flag with a number as much as the numbers alone."""
    rng = np.random.default_rng([2, seed])
    x = _contexts(rng, rounds)
    x[:, :2] = np.sign(x[:, :2])
    crossed = x[:, :1] * _directions(rng)[:, None, :] + x[:, 1:2] * _directions(rng)[:, None, :]
    products = np.einsum("ktf,tf->tk", crossed, x) / np.sqrt(2.0)
    return _finish(rng, x, np.sqrt(0.5) * (x @ _directions(rng).T + products))


def drifting(seed: int, rounds: int) -> World:
    """θ_a(t) = cos(α) θ_a + sin(α) θ'_a with α from 0 to π / 2."""
    rng = np.random.default_rng([3, seed])
    x = _contexts(rng, rounds)
    angle = np.linspace(0.0, np.pi / 2.0, rounds)[:, None]
    first, last = x @ _directions(rng).T, x @ _directions(rng).T
    return _finish(rng, x, np.cos(angle) * first + np.sin(angle) * last)


def delayed(seed: int, rounds: int) -> World:
    """The logistic world seen late."""
    rng = np.random.default_rng([4, seed])
    x = _contexts(rng, rounds)
    return _finish(rng, x, x @ _directions(rng).T, delay=1000, batch=250)


WORLDS: dict[str, Callable[[int, int], World]] = {
    "logistic": logistic,
    "interactions": interactions,
    "drifting": drifting,
    "delayed": delayed,
}
