"""Campaigns with known truth: five arms, some of which suit some people."""

import math

import numpy as np

from bandit.rounds import Context
from offline_eval.simulation.world import (
    Floats,
    World,
    arms_of,
    at_once,
    binary,
    logistic,
    numbered,
    numbers_spec,
)

ARMS = 5
WIDTH = 4
BASE = -1.5
"""The usual chance that somebody comes back is about 18 %."""


def _taste(rng: np.random.Generator) -> Floats:
    """What each arm is worth to each trait, shape (WIDTH, ARMS)."""
    return rng.normal(0.0, 1.0, (WIDTH, ARMS)) / math.sqrt(WIDTH)


def _world(rng: np.random.Generator, x: Floats, utility: Floats) -> World:
    means = logistic(BASE + utility)
    return World(arms_of(ARMS), numbers_spec(WIDTH), numbered(x), means, binary(rng, means), at_once(len(x)))


def stationary(seed: int, rounds: int) -> World:
    """Tastes that stay as they are."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rounds, WIDTH))
    return _world(rng, x, x @ (1.5 * _taste(rng)) + rng.normal(0.0, 0.5, ARMS))


def drifting(seed: int, rounds: int) -> World:
    """Tastes that turn from one into another over the campaign, at constant strength."""
    rng = np.random.default_rng(seed)
    x, first, last = rng.normal(size=(rounds, WIDTH)), _taste(rng), _taste(rng)
    angle = np.linspace(0.0, math.pi / 2, rounds)[:, None]
    return _world(rng, x, 1.5 * (np.cos(angle) * (x @ first) + np.sin(angle) * (x @ last)))


def seasonal(seed: int, rounds: int) -> World:
    """Weekends want other arms than weekdays; the day is in the context."""
    rng = np.random.default_rng(seed)
    x, week, weekend = rng.normal(size=(rounds, WIDTH)), _taste(rng), _taste(rng)
    day = (np.arange(rounds) * 28 // max(rounds, 1)) % 7
    free = (day >= 5)[:, None]
    world = _world(rng, x, 1.5 * np.where(free, x @ weekend, x @ week) + np.where(free, 0.4, 0.0))
    contexts = [{**c, "day": name} for c, name in zip(world.contexts, day.astype(str).tolist(), strict=True)]
    return World(world.arms, numbers_spec(WIDTH, ("day",)), contexts, world.means, world.rewards, world.delay)


def delayed(seed: int, rounds: int) -> World:
    """The stationary campaign, whose outcomes are known a tenth of the campaign later on average."""
    world = stationary(seed, rounds)
    delay = np.random.default_rng(seed + 1_000_003).geometric(min(1.0, 10.0 / rounds), rounds)
    return World(world.arms, world.features, world.contexts, world.means, world.rewards, delay.astype(np.int64))


def heavy_tailed(seed: int, rounds: int) -> World:
    """Few buy, and what they spend has no variance (Pareto, shape 1.8); arms move both how many and how much."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rounds, WIDTH))
    buys = logistic(-2.5 + x @ _taste(rng) + rng.normal(0.0, 0.5, ARMS))
    basket = 20.0 * np.exp(rng.normal(0.0, 0.3, ARMS))
    shape = 1.8
    spent = (rng.random((rounds, 1)) ** (-1.0 / shape)) * basket * (shape - 1.0) / shape
    bought = binary(rng, buys)
    return World(arms_of(ARMS), numbers_spec(WIDTH), numbered(x), buys * basket, bought * spent, at_once(rounds))


def segments(seed: int, rounds: int) -> World:
    """Six segments that disagree about the best arm; averaged over people no arm is better than another."""
    rng = np.random.default_rng(seed)
    count = 6
    segment, x = rng.integers(0, count, rounds), rng.normal(size=(rounds, WIDTH))
    table = np.full((count, ARMS), 0.12)
    for place in range(count):
        table[place, rng.permutation(ARMS)[:1]] = 0.32
    means = table[segment] * (0.2 / table.mean(axis=0))
    contexts: list[Context] = [{**c, "segment": f"s{s}"} for c, s in zip(numbered(x), segment.tolist(), strict=True)]
    return World(arms_of(ARMS), numbers_spec(WIDTH, ("segment",)), contexts, means, binary(rng, means), at_once(rounds))
