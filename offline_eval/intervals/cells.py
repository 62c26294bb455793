"""The joint distribution of weight and reward as a mergeable table: exact while small, a fine grid afterwards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline_eval.moments import Matrix

EXACT_LIMIT = 4096
"""Up to this many distinct (weight, reward) pairs the table is exact; beyond it, always the grid."""

WEIGHT_SHIFT = 52 - 6
REWARD_SHIFT = 52 - 3
"""A cell of the grid is 1/64 of an octave of weight by 1/8 of an octave of reward; it is represented by its means."""

REWARD_BITS = 64 - REWARD_SHIFT
LOW_BITS = (1 << REWARD_BITS) - 1
SPARSE = 1 << 16
"""Up to this many cells a chunk may leave empty, rather than rank its weights."""

FIRST_LOOK = 2 * EXACT_LIMIT
ZERO = np.float64(0.0)


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts, and sums of weight and of reward, by cell of (weight, reward).

    The state depends on the rows alone, not on how they were cut: a table is exact if and only if the whole log has at
    most EXACT_LIMIT distinct pairs. The empirical likelihood is concave in each row, so that representing a cell by its
    means moves it by second-order terms in the width of a cell only (below 1e-4 of the interval's width).

    Attributes:
        key: (c,) sorted codes, of pairs on the grid or of nothing (all zero) where exact.
        count, weight, reward: (c,) sums; `weight` and `reward` are sums, divide by `count` for the cell's point.
    """

    exact: bool
    key: NDArray[np.int64]
    count: Matrix
    weight: Matrix
    reward: Matrix
    product: Matrix

    def __add__(self, other: "Cells") -> "Cells":
        if self.exact and other.exact:
            merged = _merge_exact(self, other)
            return merged if len(merged.count) <= EXACT_LIMIT else merged.on_grid()
        return _merge_grid(self.on_grid(), other.on_grid())

    def on_grid(self) -> "Cells":
        """The same rows by cell of the grid."""
        if not self.exact:
            return self
        weight, reward = self.weight / self.count, self.reward / self.count
        key = grid_key(weight, reward)
        return _group(key, self.count, self.weight, self.reward, self.product)

    @property
    def points(self) -> tuple[Matrix, Matrix, Matrix]:
        """Counts, weights and weighted rewards w r of the cells, each (c,)."""
        return self.count, self.weight / self.count, self.product / self.count


def grid_key(weight: Matrix, reward: Matrix) -> NDArray[np.int64]:
    """(m,) code of the cell: the leading bits of the two floating-point numbers."""
    return (_bits(weight) >> WEIGHT_SHIFT << REWARD_BITS) | (_bits(reward) >> REWARD_SHIFT & LOW_BITS)


def _bits(column: Matrix) -> NDArray[np.int64]:
    """The floating-point numbers read as integers, -0 as 0."""
    return (column + ZERO).view(np.int64)


def cells_of(weight: Matrix, reward: Matrix, exact: bool = True) -> Cells:
    """The table of one chunk; `exact=False` when the log is already known to have too many distinct pairs."""
    weight = np.ascontiguousarray(weight, dtype=np.float64)
    reward = np.ascontiguousarray(reward, dtype=np.float64)
    exact = exact and len(_distinct(weight[:FIRST_LOOK], reward[:FIRST_LOOK]).count) <= EXACT_LIMIT
    key, place = _dense(weight, reward)
    if exact and _pure(place, len(key), weight) and _pure(place, len(key), reward):
        return _distinct(*_representatives(place, len(key), weight, reward))
    if exact:
        found = _distinct(weight, reward)
        if len(found.count) <= EXACT_LIMIT:
            return found
    return _grouped(key, place, (None, weight, reward, weight * reward))


def _dense(weight: Matrix, reward: Matrix) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Codes of a superset of the cells that occur, and each row's place among them, without sorting the rows."""
    low, low_place = _ranks(_bits(reward) >> REWARD_SHIFT)
    high, high_place = _ranks(_bits(weight) >> WEIGHT_SHIFT, SPARSE // max(len(low), 1))
    codes = (high[:, None] << REWARD_BITS) | (low & LOW_BITS)
    high_place *= len(low)
    high_place += low_place
    return codes.ravel(), high_place


def _ranks(code: NDArray[np.int64], gaps: int = 0) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Distinct codes and each row's place among them; where they span at most `gaps`, all codes of the span."""
    if not len(code):
        return code, code.astype(np.intp)
    first = int(code.min())
    code -= first
    span = int(code.max()) + 1
    if span <= gaps:
        return np.arange(first, first + span), code.astype(np.intp, copy=False)
    present = np.flatnonzero(np.bincount(code))
    rank = np.zeros(present[-1] + 1, dtype=np.intp)
    rank[present] = np.arange(len(present))
    return present + first, rank.take(code)


def _pure(place: NDArray[np.intp], size: int, column: Matrix) -> bool:
    """Whether all rows of a cell have the same value."""
    seen = np.zeros(size)
    seen[place] = column
    return bool(np.array_equal(seen[place], column))


def _representatives(
    place: NDArray[np.intp], size: int, weight: Matrix, reward: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    count = np.bincount(place, minlength=size)
    used = np.flatnonzero(count)
    weights, rewards = np.zeros(size), np.zeros(size)
    weights[place], rewards[place] = weight, reward
    return weights[used], rewards[used], count[used].astype(np.float64)


def _grouped(key: NDArray[np.int64], place: NDArray[np.intp], columns: tuple[Matrix | None, ...]) -> Cells:
    """Sums by place; None among the columns stands for ones. Cells without rows are left out."""
    count, *sums = (np.asarray(np.bincount(place, column, len(key)), dtype=np.float64) for column in columns)
    used = np.flatnonzero(count)
    order = used[np.argsort(key[used], kind="stable")]
    return Cells(False, key[order], count[order], sums[0][order], sums[1][order], sums[2][order])


def _distinct(weight: Matrix, reward: Matrix, count: Matrix | None = None) -> Cells:
    order = np.lexsort((reward, weight))
    weight, reward = weight[order], reward[order]
    fresh = np.ones(len(weight), dtype=bool)
    fresh[1:] = (weight[1:] != weight[:-1]) | (reward[1:] != reward[:-1])
    starts = np.flatnonzero(fresh)
    counts = np.ones(len(weight)) if count is None else count[order]
    total = np.add.reduceat(counts, starts) if len(starts) else np.zeros(0)
    weight, reward = weight[starts], reward[starts]
    key = np.zeros(len(starts), dtype=np.int64)
    return Cells(True, key, total, weight * total, reward * total, weight * reward * total)


def _merge_exact(first: Cells, second: Cells) -> Cells:
    count = np.concatenate([first.count, second.count])
    weight = np.concatenate([first.weight, second.weight]) / count
    reward = np.concatenate([first.reward, second.reward]) / count
    return _distinct(weight, reward, count)


def _merge_grid(first: Cells, second: Cells) -> Cells:
    pairs = zip(_columns(first), _columns(second), strict=True)
    return _group(np.concatenate([first.key, second.key]), *(np.concatenate(pair) for pair in pairs))


def _columns(cells: Cells) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    return cells.count, cells.weight, cells.reward, cells.product


def _group(key: NDArray[np.int64], *columns: Matrix) -> Cells:
    distinct, place = np.unique(key, return_inverse=True)
    return _grouped(distinct, place, columns)
