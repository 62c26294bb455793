"""The units of an experiment from its round log, and how often each test raises a false alarm over them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from experiments.services.joining.columns import Floats
from experiments.store.joining.round_log import METRIC
from offline_eval.ab.aa import WolfCries, a_a, salted_uniform, wolf_cries
from offline_eval.ab.checks.check import LIFETIME_ALPHA
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.contrast import Comparison
from offline_eval.ab.evidence import multinomial, p_value_of

MOST_UNITS = 200_000
"""Beyond so many, those whose hashed numbers are smallest stand for all."""

EVERY = ("always_valid", "welch", "large_sample", "ratio")
TAILED = "winsorised"
"""For metrics that are not 0/1."""

MISMATCH = "sample_ratio"


class Units(NamedTuple):
    """n units: numbers, decisions and sums of each metric over them. `of` is how many there are in all."""

    number: NDArray[np.uint64]
    decisions: Floats
    metrics: dict[str, Floats]
    of: int


def read_units(files: Sequence[Path], metrics: Sequence[str]) -> Units:
    """Sum the files' rounds by unit; forced ones are left out."""
    names = [METRIC + name for name in metrics]
    tables = [pq.read_table(path, columns=["unit", "forced", *names]) for path in files]
    kept = [~np.asarray(table.column("forced").to_numpy(zero_copy_only=False), dtype=bool) for table in tables]
    number = _joined([table.column("unit").to_numpy()[rows] for table, rows in zip(tables, kept, strict=True)])
    units, place = np.unique(number, return_inverse=True)
    few = units[:MOST_UNITS]
    sums = {
        name: np.bincount(
            place.reshape(-1),
            _joined([table.column(METRIC + name).to_numpy()[rows] for table, rows in zip(tables, kept, strict=True)]),
            len(units),
        )[:MOST_UNITS].astype(np.float64)
        for name in metrics
    }
    decisions = np.bincount(place.reshape(-1), minlength=len(units))[:MOST_UNITS].astype(np.float64)
    return Units(few.astype(np.uint64), decisions, sums, len(units))


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0)


def wolves(units: Units, salts: int, share: float, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Metric → comparison → rate of cries; beside them the test for sample-ratio mismatch."""
    total, done = salts * (1 + len(units.metrics)), 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    found = {
        name: {
            comparison: cries.as_dict()
            for comparison, cries in a_a(
                {"value": values, "denominator": units.decisions}, units.number, comparing(values), salts, share, step
            ).items()
        }
        for name, values in units.metrics.items()
    }
    mismatch = _mismatch(units, salts, share, step)
    return {"units": len(units.number), "of": units.of, "metrics": found, "checks": {MISMATCH: mismatch.as_dict()}}


def comparing(values: Floats) -> list[Comparison]:
    """The comparisons that fit a metric's values."""
    binary = bool(((values == 0) | (values == 1)).all())
    return [COMPARISONS[name]() for name in (*EVERY, *(() if binary else (TAILED,)))]


def _mismatch(units: Units, salts: int, share: float, step: Callable[[], None]) -> WolfCries:
    cries = 0
    for salt in range(salts):
        treated = int((salted_uniform(units.number, salt) < share).sum())
        evidence = multinomial([treated, len(units.number) - treated], [share, 1 - share])
        cries += p_value_of(evidence) <= LIFETIME_ALPHA
        step()
    return wolf_cries(cries, salts, LIFETIME_ALPHA)
