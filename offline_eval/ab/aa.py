"""A/A: how often each comparison would raise a false alarm on an experiment's own units, had nothing been done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from offline_eval.ab.contrast import Comparison
from offline_eval.ab.sample import Sample

Floats = NDArray[np.float64]

CONFIDENCE = 0.999


@dataclass(frozen=True, slots=True)
class WolfCries:
    """Of one comparison over re-randomised halves of the same units.

    Attributes:
        runs, cries: how many salts, and at how many of them p ≤ alpha.
        lower, upper: exact 99.9 % bounds of the rate.
        sound: whether `alpha` is not below the lower bound.
    """

    runs: int
    cries: int
    lower: float
    upper: float
    sound: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        rate = self.cries / self.runs if self.runs else None
        bounds = {"lower": self.lower, "upper": self.upper, "sound": self.sound}
        return {"runs": self.runs, "cries": self.cries, "rate": rate} | bounds


def a_a(
    columns: Mapping[str, Floats],
    unit: NDArray[np.uint64],
    comparisons: Sequence[Comparison],
    salts: int = 1000,
    share: float = 0.5,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, WolfCries]:
    """Re-randomise the units under `salts` salts, compare, count.

    `columns` by row, `value` among them, summed by unit beforehand where a unit has several rows (`unit` must not
    repeat); a unit goes to the treatment where its salted hash falls below `share`. Comparisons without a p-value, or
    with too few events, never cry. Kohavi, Tang & Xu (2020), ch. 19. `progress` is called after each salt. Raises
    ValueError where a unit repeats.
    """
    if len(np.unique(unit)) < len(unit):
        raise ValueError("sum each unit's rows before re-randomising: a unit appears twice")
    cries = dict.fromkeys((c.name for c in comparisons), 0)
    sketch = any("sketch" in comparison.needs for comparison in comparisons)
    others = {name: column for name, column in columns.items() if name != "value"}
    for salt in range(salts):
        treated = salted_uniform(unit, salt) < share
        pair = [
            Sample.of(columns["value"][side], sketch=sketch, **{name: column[side] for name, column in others.items()})
            for side in (treated, ~treated)
        ]
        for comparison in comparisons:
            p_value = comparison.compare(*pair).p_value
            cries[comparison.name] += p_value is not None and p_value <= comparison.alpha
        progress()
    return {c.name: wolf_cries(cries[c.name], salts, c.alpha) for c in comparisons}


def wolf_cries(cries: int, runs: int, alpha: float) -> WolfCries:
    """Exact two-sided 99.9 % bounds of the rate of cries, and whether they allow `alpha`."""
    tail = (1 - CONFIDENCE) / 2
    lower = float(betaincinv(cries, runs - cries + 1, tail)) if cries else 0.0
    upper = float(betaincinv(cries + 1, runs - cries, 1 - tail)) if cries < runs else 1.0
    return WolfCries(runs, cries, lower, upper, lower <= alpha)


def salted_uniform(unit: NDArray[np.uint64], salt: int) -> Floats:
    """(n,) numbers in [0, 1), a function of unit and salt: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        z = unit.astype(np.uint64) + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
        for _ in range(2):
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)) * 2.0**-53)
