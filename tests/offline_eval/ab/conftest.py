"""Groups of units for the comparisons to compare."""

import numpy as np
import pytest

from offline_eval.ab.sample import Sample


def group(seed: int, n: int = 400, lift: float = 0.0, metric: str = "binary") -> Sample:
    """A sample that every comparison can read: value, denominator, one covariate, sketch."""
    return columns_to_sample(group_columns(seed, n, lift, metric))


def group_columns(seed: int, n: int = 400, lift: float = 0.0, metric: str = "binary") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    rate = np.clip(0.3 + lift + 0.1 * x, 0.01, 0.99)
    binary = (rng.random(n) < rate).astype(float)
    value = binary if metric == "binary" else np.round(binary * rng.lognormal(1, 1, n) + lift, 6)
    return {"value": value, "denominator": rng.poisson(2, n) + 1.0, "x": x}


def columns_to_sample(columns: dict[str, np.ndarray]) -> Sample:
    """Within what was seen: means of any skewness may then be compared at every look."""
    value = columns["value"]
    limits = (float(value.min()), float(value.max())) if len(np.unique(value)) > 2 else None
    return Sample.of(value, sketch=True, denominator=columns["denominator"], x=columns["x"]).within(limits)


@pytest.fixture(scope="session")
def make_group():
    return group


@pytest.fixture(scope="session")
def make_columns():
    return group_columns


@pytest.fixture(scope="session")
def to_sample():
    return columns_to_sample
