"""First and second moments of a few columns, mergeable with `+`, with sums by bucket for bootstrap and clusters."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]

FEW = 8

BUCKETS = 1024
"""Units (or rows, where a row is its own unit) are spread over this many buckets."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over n rows of d columns z.

    Attributes:
        n: rows.
        total: (d,) sum of z.
        cross: (d, d) sum of z zᵀ; NaN off the diagonal where only variances were kept.
        buckets: (1 + d, BUCKETS) row counts and sums of z by bucket, or None where they were not asked for.
        clustered: whether the buckets hold whole units of possibly many rows; the covariance then comes from them.
    """

    n: int
    total: Matrix
    cross: Matrix
    buckets: Matrix | None = None
    clustered: bool = False

    def __add__(self, other: "Moments") -> "Moments":
        both = self.buckets is not None and other.buckets is not None
        return Moments(
            self.n + other.n,
            self.total + other.total,
            self.cross + other.cross,
            self.buckets + other.buckets if both else None,  # type: ignore[operator]
            self.clustered or other.clustered,
        )

    @property
    def means(self) -> Matrix:
        """(d,) column means; NaN without rows."""
        return self.total / self.n if self.n else np.full(len(self.total), np.nan)

    def covariance(self) -> Matrix:
        """(d, d) unbiased covariance of one row of z, rows taken as independent."""
        if self.n < 2:
            return np.full(self.cross.shape, np.nan)
        means = self.means
        return (self.cross - self.n * np.outer(means, means)) / (self.n - 1)

    def covariance_of_means(self) -> Matrix:
        """(d, d) covariance of the means: by row, or by leaving out one bucket at a time where units have many rows.

        The jackknife over clusters (CV3 of MacKinnon, Nielsen, Webb, *Leverage, influence, and the jackknife in
        clustered regression models*, Stata Journal 2023): a unit of many rows counts as much as its leaving would move
        the means. NaN where all rows are in one bucket.
        """
        if not self.clustered or self.buckets is None:
            return self.covariance() / max(self.n, 1)
        counts = self.buckets[0]
        groups = int(np.count_nonzero(counts))
        if groups < 2:
            return np.full(self.cross.shape, np.nan)
        moved = (self.buckets[1:] - np.outer(self.means, counts)) / (self.n - counts)
        return np.asarray(moved @ moved.T * ((groups - 1) / groups))

    def error_along(self, gradient: Matrix) -> float:
        """Standard error of gradient · means, from the columns whose weight is not zero; infinite where unknown."""
        variance = _along(gradient, self.covariance_of_means())
        return math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.inf

    def effect_along(self, gradient: Matrix) -> float:
        """Variance of gradient · means over what it would be with independent rows, at least 1; infinite for one unit.

        1 where nothing varies.
        """
        if not self.clustered:
            return 1.0
        alone, together = _along(gradient, self.covariance() / max(self.n, 1)), self.error_along(gradient) ** 2
        if not math.isfinite(together):
            return math.inf
        return max(together / alone, 1.0) if alone > 0 else 1.0


def _along(gradient: Matrix, covariance: Matrix) -> float:
    used = np.flatnonzero(gradient)
    return float(gradient[used] @ covariance[np.ix_(used, used)] @ gradient[used])


def moments_of(columns: Matrix, buckets: Matrix | None = None, clustered: bool = False, joint: bool = True) -> Moments:
    """Moments of `columns` (d, m); with `joint=False` only the variances are kept, covariances are NaN."""
    if joint:
        cross = _products(columns)
    else:
        cross = np.full((len(columns), len(columns)), np.nan)
        np.fill_diagonal(cross, np.einsum("dm,dm->d", columns, columns))
    return Moments(columns.shape[1], columns.sum(axis=1), cross, buckets, clustered)


def _products(columns: Matrix) -> Matrix:
    """(d, d) columns · columnsᵀ; for few columns single dot products take a third of the matrix product's time."""
    size = len(columns)
    if size > FEW:
        return columns @ columns.T
    cross = np.empty((size, size))
    for one in range(size):
        for two in range(one, size):
            cross[one, two] = cross[two, one] = columns[one] @ columns[two]
    return cross


def round_robin(columns: Matrix, first_row: int) -> Matrix:
    """(1 + d, BUCKETS) counts and sums, row i of the whole log in bucket i mod BUCKETS: every row is its own unit."""
    rows = columns.shape[1]
    front = first_row % BUCKETS
    back = -(front + rows) % BUCKETS
    padded = np.pad(columns, ((0, 0), (front, back))) if front or back else columns
    counts = np.full(BUCKETS, padded.shape[1] // BUCKETS, dtype=np.float64)
    counts[:front] -= 1
    counts[BUCKETS - back :] -= 1
    return np.vstack([counts, padded.reshape(len(columns), -1, BUCKETS).sum(axis=1)])


def by_unit(columns: Matrix, bucket: NDArray[np.intp]) -> Matrix:
    """(1 + d, BUCKETS) counts and sums by the bucket (m,) of each row's unit."""
    sums = [np.bincount(bucket, column, BUCKETS) for column in columns]
    return np.vstack([np.bincount(bucket, minlength=BUCKETS), *sums])
