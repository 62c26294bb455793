"""One group's units as sufficient statistics: what every comparison reads."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offline_eval.ab.errors import SampleError
from offline_eval.ab.limits import Limits, both_limits
from offline_eval.ab.sketch import Sketch

Floats = NDArray[np.float64]

VALUE, DENOMINATOR = "value", "denominator"
"""Names of the columns that comparisons look for; every other column is a covariate."""


@dataclass(frozen=True, slots=True)
class Sample:
    """n units with d columns; `a + b` is the sample of both.

    Means and centred products are merged pairwise (Chan, Golub & LeVeque 1983), which loses no digits when a large
    mean hides a small variance.

    Attributes:
        columns: d names; comparisons of one metric read `value`, ratio metrics also `denominator`.
        n: number of units (or of buckets of units, where a ratio is compared).
        mean: (d,).
        scatter: (d, d) sums of products of deviations from the means.
        events: how many units have a value other than 0.
        binary: whether every value is 0 or 1; of a part of a column, only where the whole column is (see `with_share`).
        sketch: bins of `value`, for quantiles and winsorising.
        limits: between which a unit's value is known to lie, whatever was seen; None: no limit was stated.
        cubes: sum of cubed deviations of the value from its mean; None where it is not known.
    """

    columns: tuple[str, ...]
    n: int
    mean: Floats
    scatter: Floats
    events: int
    binary: bool
    sketch: Sketch | None = None
    limits: Limits | None = None
    cubes: float | None = None

    @classmethod
    def of(cls, value: ArrayLike, sketch: bool = False, **columns: ArrayLike) -> "Sample":
        """From (n,) columns by unit. Raises SampleError where one has another length or is not finite."""
        named = {VALUE: np.asarray(value, dtype=np.float64)}
        named |= {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
        if len({column.shape for column in named.values()}) > 1 or named[VALUE].ndim != 1:
            raise SampleError(f"columns differ in shape: { {name: c.shape for name, c in named.items()} }")
        rows = np.stack(list(named.values()))
        if not np.isfinite(rows).all():
            raise SampleError("a sample takes finite numbers only")
        n = rows.shape[1]
        mean = rows.mean(axis=1) if n else np.zeros(len(rows))
        centred = rows - mean[:, None]
        values = named[VALUE]
        return cls(
            tuple(named),
            n,
            mean,
            centred @ centred.T,
            int(np.count_nonzero(values)),
            bool(((values == 0) | (values == 1)).all()),
            Sketch.of(values) if sketch else None,
            cubes=float((centred[0] ** 3).sum()),
        )

    @classmethod
    def of_counts(cls, events: int, n: int) -> "Sample":
        """n units of which `events` have the value 1 and the others 0."""
        if not 0 <= events <= n:
            raise SampleError(f"{events} events among {n} units")
        rate = events / n if n else 0.0
        spread = events * (1 - rate)
        return cls((VALUE,), n, np.array([rate]), np.array([[spread]]), events, True, cubes=spread * (1 - 2 * rate))

    def __add__(self, other: "Sample") -> "Sample":
        if self.columns != other.columns:
            raise SampleError(f"samples of {self.columns} and {other.columns} cannot be added")
        n = self.n + other.n
        weight = other.n / n if n else 0.0
        gap = other.mean - self.mean
        return Sample(
            self.columns,
            n,
            self.mean + gap * weight,
            self.scatter + other.scatter + np.outer(gap, gap) * (self.n * weight),
            self.events + other.events,
            self.binary and other.binary,
            self.sketch + other.sketch if self.sketch and other.sketch else None,
            both_limits(self.limits, other.limits),
            self._cubes_with(other),
        )

    def _cubes_with(self, other: "Sample") -> float | None:
        """Pébay (2008), *Formulas for robust, one-pass parallel computation of covariances and moments*, eq. 2.1."""
        n, gap = self.n + other.n, float(other.mean[0] - self.mean[0])
        if self.cubes is None or other.cubes is None or not n:
            return None
        between = gap**3 * self.n * other.n * (self.n - other.n) / n**2
        within = 3 * gap * float(self.n * other.scatter[0, 0] - other.n * self.scatter[0, 0]) / n
        return self.cubes + other.cubes + between + within

    @property
    def value(self) -> float:
        """Mean of the value."""
        return float(self.mean[0])

    @property
    def variance(self) -> float:
        """Unbiased variance of the value between units; 0 where there are fewer than two."""
        return float(self.scatter[0, 0]) / (self.n - 1) if self.n > 1 else 0.0

    @property
    def skewness(self) -> float:
        """Of the mean of the value: E (y - E y)³ / (σ³ √n); infinite where it is not known."""
        spread = float(self.scatter[0, 0])
        if self.cubes is None or self.n < 2:
            return math.inf
        return self.cubes / spread**1.5 if spread > 0 else 0.0

    @property
    def varies(self) -> bool:
        """Whether the value differs between units at all."""
        return bool(self.scatter[0, 0] > 0)

    @property
    def covariance(self) -> Floats:
        """(d, d) unbiased covariance between units."""
        return self.scatter / max(self.n - 1, 1)

    def within(self, limits: Limits | None) -> "Sample":
        """The same, its values known to lie in `limits`; what may be more than 1 is no share, whatever was seen."""
        share = self.binary and (limits is None or (limits[0] >= 0 and limits[1] <= 1))
        return replace(self, limits=limits, binary=share)

    def with_share(self, share: bool) -> "Sample":
        """Known to be a share or not: amounts and counts of a group may be 0 and 1 so far, or all 0."""
        return replace(self, binary=self.binary and share)

    def index(self, column: str) -> int:
        """Position of a column. Raises SampleError where there is none of that name."""
        if column not in self.columns:
            raise SampleError(f"there is no column {column!r}; there are {', '.join(self.columns)}")
        return self.columns.index(column)

    def combined(self, weights: Mapping[str, float]) -> "Sample":
        """The sample whose value is a linear combination of columns, e.g. margin x revenue - cost. No sketch.

        Limits and the third moment are known of multiples of the value alone, events are taken to be the value's.
        """
        row = np.zeros(len(self.columns))
        for column, weight in weights.items():
            row[self.index(column)] = weight
        mean, scatter = float(row @ self.mean), float(row @ self.scatter @ row)
        limits, cubes, weight = None, None, weights.get(VALUE, 0.0)
        if set(weights) == {VALUE}:
            cubes = None if self.cubes is None else self.cubes * weight**3
            limits = None if self.limits is None or weight < 0 else (weight * self.limits[0], weight * self.limits[1])
        spread = np.array([[max(scatter, 0.0)]])
        return Sample((VALUE,), self.n, np.array([mean]), spread, self.events, False, None, limits, cubes)

    def with_value_only(self) -> "Sample":
        """Without the other columns."""
        if len(self.columns) == 1:
            return self
        return replace(self, columns=(VALUE,), mean=self.mean[:1], scatter=self.scatter[:1, :1])

    def with_moments(self, n: int, mean: float, scatter: float) -> "Sample":
        """A sample of the value alone with other moments, e.g. after capping; it is no longer 0/1."""
        return replace(
            self,
            columns=(VALUE,),
            n=n,
            mean=np.array([mean]),
            scatter=np.array([[scatter]]),
            binary=False,
            sketch=None,
            limits=None,
            cubes=None,
        )
