"""Labelled data as bandit feedback: the arm is a class, and guessing it right earns 1.

Beygelzimer & Langford, *The offset tree for learning with partial labels* (2009), section 6.
"""

from collections.abc import Callable

import numpy as np
from sklearn import datasets

from offline_eval.simulation.world import World, arms_of, at_once, numbered, numbers_spec


def _from(load: Callable[..., tuple[np.ndarray, np.ndarray]], seed: int, rounds: int) -> World:
    x, label = load(return_X_y=True)
    rng = np.random.default_rng(seed)
    cycles = -(-rounds // len(label))
    order = np.concatenate([rng.permutation(len(label)) for _ in range(cycles)])[:rounds]
    varied = x[:, x.std(axis=0) > 0]
    scaled = (varied - varied.mean(axis=0)) / varied.std(axis=0)
    count = int(label.max()) + 1
    means = np.eye(count)[label[order]]
    return World(
        arms_of(count), numbers_spec(scaled.shape[1]), numbered(scaled[order]), means, means.copy(), at_once(rounds)
    )


def digits(seed: int, rounds: int) -> World:
    """Scikit-learn's 1,797 handwritten digits: 61 varying pixels, 10 arms."""
    return _from(datasets.load_digits, seed, rounds)


def wine(seed: int, rounds: int) -> World:
    """178 wines of three growers: 13 measurements, 3 arms."""
    return _from(datasets.load_wine, seed, rounds)


def breast_cancer(seed: int, rounds: int) -> World:
    """569 tumours: 30 measurements, 2 arms."""
    return _from(datasets.load_breast_cancer, seed, rounds)
