"""Logs whose truth is known, and whatever candidates read."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from offline_eval.logs import ArrowSource, Log, log_of, parse_spec

ARMS = ("none", "five", "ten")

SPEC: dict[str, Any] = {
    "log": {"name": "known", "unit": "customer", "arm": "offer", "control": "none", "propensity": {"column": "p"}},
    "context": {"numeric": ["x"], "categorical": ["channel"]},
    "outcomes": {"reengagement": "visit"},
    "objective": {"maximise": "reengagement", "range": [0, 1]},
    "rules": {"default": "none", "list": [{"when": {"==": [{"var": "channel"}, "web"]}, "arm": "five"}]},
    "segments": {"by": ["channel"]},
}


def truth(x: np.ndarray, web: np.ndarray) -> np.ndarray:
    """Chance of a visit under each arm, shape (n, 3): `five` suits the web, `ten` suits high x."""
    return np.stack([np.full(len(x), 0.2), 0.2 + 0.2 * web, 0.25 + 0.1 * np.tanh(x)], axis=1)


def known_frame(n: int = 4000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, web = rng.normal(size=n), rng.integers(0, 2, n)
    pmf = np.where(web[:, None] == 1, [[0.5, 0.3, 0.2]], [[0.2, 0.3, 0.5]])
    arm = (rng.random((n, 1)) > np.cumsum(pmf, axis=1)).sum(axis=1).clip(max=2)
    visit = rng.random(n) < truth(x, web)[np.arange(n), arm]
    return pd.DataFrame(
        {
            "customer": [f"c{i}" for i in range(n)],
            "day": np.arange(n) // 10,
            "offer": np.array(ARMS)[arm],
            "p": pmf[np.arange(n), arm],
            "x": x,
            "channel": np.where(web == 1, "web", "phone"),
            "visit": visit.astype(int),
        }
    )


def log_from(frame: pd.DataFrame, spec: dict[str, Any] = SPEC) -> Log:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return log_of(ArrowSource(table.schema, lambda: table.to_batches(max_chunksize=1500)), parse_spec(spec))


def with_log(**changes: Any) -> dict[str, Any]:
    """The spec with other keys in [log]."""
    return SPEC | {"log": SPEC["log"] | changes}


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return known_frame()


@pytest.fixture(scope="session")
def known_log(frame: pd.DataFrame) -> Log:
    return log_from(frame)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of published logs."""
    folder = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
    if not folder.exists():
        pytest.skip("the published logs are not in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def examples() -> Path:
    return Path(__file__).resolve().parents[3] / "docs" / "examples"


@pytest.fixture(scope="session")
def make() -> Any:
    """What builds logs, for tests that spoil one."""
    from types import SimpleNamespace

    return SimpleNamespace(frame=known_frame, log=log_from, spec=with_log, truth=truth, SPEC=SPEC, ARMS=ARMS)
