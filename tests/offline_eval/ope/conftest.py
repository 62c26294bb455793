"""Random logs with everything an estimator may need, and statistics gathered from them."""

from collections.abc import Callable

import numpy as np
import pytest

from offline_eval.intervals.known import Bounds
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.batch import Batch

MakeLog = Callable[..., Batch]


def make_log(seed: int, rows: int = 300, arms: int = 4, on_policy: bool = False, repeats: int = 1) -> Batch:
    """A log of rewards in [0, 1] with all columns; `repeats` rows per unit."""
    rng = np.random.default_rng(seed)
    logged = rng.dirichlet(np.full(arms, 3.0), rows) * 0.9 + 0.1 / arms
    target = logged if on_policy else rng.dirichlet(np.full(arms, 1.0), rows)
    action = np.minimum((logged.cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1), arms - 1)
    propensity = logged[np.arange(rows), action]
    reward = np.where(rng.random(rows) < 0.5, (rng.random(rows) < 0.4) * 1.0, rng.random(rows))
    hashes = rng.integers(0, 1 << 63, rows, dtype=np.uint64)
    return Batch.of(
        action,
        propensity,
        reward,
        target,
        q=np.zeros((rows, arms)) if on_policy else rng.random((rows, arms)),
        logged=logged,
        mixture_propensity=propensity if on_policy else 0.5 * propensity + 0.5 / arms,
        category=np.arange(arms) % 2,
        segment=rng.integers(0, 3, rows),
        period=np.arange(rows) * 4 // rows,
        unit=np.repeat(hashes, repeats)[:rows] if repeats > 1 else None,
    )


@pytest.fixture(name="make_log")
def fixture_make_log() -> MakeLog:
    return make_log


@pytest.fixture
def names() -> tuple[str, ...]:
    return tuple(ESTIMATORS)


@pytest.fixture
def bounds() -> Bounds:
    """Rewards in [0, 1]; weights at most 1 over the least propensity of `make_log` with 4 arms."""
    return Bounds((0.0, 1.0), (0.0, 40.0))
