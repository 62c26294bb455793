"""A small randomised log that the tests of this room spoil in one place or another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

SPEC: dict[str, Any] = {
    "log": {
        "name": "small",
        "unit": "customer",
        "time": "at",
        "time_unit": "h",
        "arm": "offer",
        "control": "none",
        "propensity": {"column": "p"},
    },
    "context": {"numeric": ["recency"], "categorical": ["channel"], "missing": [-999]},
    "outcomes": {"reengagement": "visit", "revenue": "spend"},
    "objective": {"maximise": "reengagement", "margin": 0.3, "range": [0, 1]},
    "arms": [
        {"value": "none"},
        {"value": "five", "reward_amount": 5.0, "reward_cost": 5.0, "cost_on": "reengagement", "contact_cost": 0.01},
        {"value": "ten", "reward_amount": 10.0, "reward_cost": 10.0, "contact_cost": 0.02},
    ],
}


def small_frame(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    visit = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "customer": [f"u{i // 2}" for i in range(n)],
            "at": np.arange(n) % 7 + np.arange(n),
            "offer": rng.choice(["none", "five", "ten"], n, p=[0.5, 0.3, 0.2]),
            "recency": rng.integers(1, 13, n).astype(float),
            "channel": rng.choice(["web", "phone"], n),
            "visit": visit,
            "spend": np.where(visit, rng.gamma(2.0, 20.0, n).round(2), 0.0),
        }
    ).assign(p=lambda f: f.offer.map({"none": 0.5, "five": 0.3, "ten": 0.2}))


@pytest.fixture
def frame() -> pd.DataFrame:
    return small_frame()


@pytest.fixture
def spec_data() -> dict[str, Any]:
    import copy

    return copy.deepcopy(SPEC)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    """A frame as a CSV file."""

    def to_csv(frame: pd.DataFrame) -> Path:
        path = tmp_path / "log.csv.gz"
        frame.to_csv(path, index=False)
        return path

    return to_csv
