"""Quantiles and capped moments of heavy-tailed metrics from a mergeable sketch of logarithmic bins."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offline_eval.ab.errors import SampleError

ACCURACY = 0.005
"""Relative half-width of a bin: a quantile is known to half a per cent."""

SMALLEST = 1e-6
"""What is nearer to zero than this is counted as zero."""

LOG_GAMMA = math.log((1 + ACCURACY) / (1 - ACCURACY))


@dataclass(frozen=True, slots=True)
class Sketch:
    """Counts, sums and sums of squares by logarithmic bin; bins of two sketches are the same, so they merge exactly.

    DDSketch (Masson, Rim & Lee 2019) with the bins' moments beside their counts: a mean capped at the border of a bin
    is then exact, not approximate.

    Attributes:
        bins: bin → (count, sum, sum of squares). 0 holds zeros, +k values in (γ^(k-1), γ^k]·SMALLEST, -k their mirror.
    """

    bins: Mapping[int, tuple[float, float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: ArrayLike) -> "Sketch":
        """From (n,) finite values. Raises SampleError."""
        array = np.asarray(values, dtype=np.float64)
        if not np.isfinite(array).all():
            raise SampleError("a sketch takes finite values only")
        index = _bin(array)
        codes, inverse = np.unique(index, return_inverse=True)
        sums = [np.bincount(inverse, weights=weight, minlength=len(codes)) for weight in (None, array, array**2)]
        return cls({int(c): (float(n), float(s), float(q)) for c, n, s, q in zip(codes, *sums, strict=True)})

    def __add__(self, other: "Sketch") -> "Sketch":
        bins = dict(self.bins)
        for code, (count, total, squares) in other.bins.items():
            mine = bins.get(code, (0.0, 0.0, 0.0))
            bins[code] = (mine[0] + count, mine[1] + total, mine[2] + squares)
        return Sketch(bins)

    @property
    def n(self) -> int:
        """How many values."""
        return int(sum(count for count, _, _ in self.bins.values()))

    def quantile(self, p: float) -> tuple[float, float, float]:
        """(lower border, middle, upper border) of the bin that holds the p-quantile. Raises SampleError when empty."""
        if not self.bins:
            raise SampleError("an empty sketch has no quantiles")
        rank, seen, code = min(max(p, 0.0), 1.0) * self.n, 0.0, 0
        for code in sorted(self.bins):
            seen += self.bins[code][0]
            if seen >= rank and seen > 0:
                break
        lower, upper = borders(code)
        return lower, (lower + upper) / 2, upper

    def capped(self, cap: float) -> tuple[int, float, float]:
        """(n, mean, centred sum of squares) of min(value, cap), exact where `cap` is the upper border of a bin."""
        n = total = squares = 0.0
        for code, (count, bin_total, bin_squares) in self.bins.items():
            above = borders(code)[0] >= cap
            n += count
            total += count * cap if above else bin_total
            squares += count * cap * cap if above else bin_squares
        mean = total / n if n else 0.0
        return int(n), mean, max(squares - n * mean * mean, 0.0)


def borders(code: int) -> tuple[float, float]:
    """Lower and upper border of a bin."""
    if code == 0:
        return 0.0, 0.0
    low, high = SMALLEST * math.exp((abs(code) - 1) * LOG_GAMMA), SMALLEST * math.exp(abs(code) * LOG_GAMMA)
    return (low, high) if code > 0 else (-high, -low)


def _bin(values: NDArray[np.float64]) -> NDArray[np.int64]:
    size = np.abs(values)
    code = np.ones(len(values), dtype=np.int64)
    big = size > SMALLEST
    code[big] = np.maximum(np.ceil(np.log(size[big] / SMALLEST) / LOG_GAMMA).astype(np.int64), 1)
    code[size < SMALLEST] = 0
    return np.where(values < 0, -code, code)
