"""Cells of several metrics at once, as they are stored: what no metric enters is kept once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.adaptive.cells import (
    CHOSEN,
    EVENTS,
    EXPECTED,
    INVERSE,
    REWARD,
    SQUARES,
    STEEPNESS,
    WIDTH,
    WW,
    WWY,
    WWYY,
    WY,
    Floats,
    W,
)
from offline_eval.ab.adaptive.steepness import powered
from offline_eval.ab.row_sums import row_sums, slices

Integers = NDArray[np.int64]

SHARED = (EXPECTED, STEEPNESS, INVERSE, CHOSEN, W, WW)
"""Sums that no metric enters, the first block of packed sums."""

OWN = (EVENTS, REWARD, SQUARES, WY, WWY, WWYY)
"""Sums of a metric: one block each."""

BLOCK = 6


class Draws(NamedTuple):
    """n drawn rounds.

    Attributes:
        cell: (n,) number of the cell; -1 where the round is in none.
        place: (n,) of the drawn arm in the eligible set. p: (n,) its probability.
        values: M of (n,), the metrics.
    """

    cell: Integers
    place: Integers
    p: Floats
    values: Sequence[Floats]


def packed_sums(draws: Draws, pmfs: Floats, cells: int) -> Floats:
    """(cells, 6 + 6 M, K) sums: SHARED, then OWN of each metric.

    `pmfs` are (n, K): each round's probabilities in the order of its eligible set, 0 beyond the end of a smaller one.
    All rounds of a cell have the same eligible set.
    """
    width, metrics = pmfs.shape[1], len(draws.values)
    size = cells * width
    packed = np.zeros((BLOCK * (1 + metrics), size))
    packed[:3] = _chances(draws.cell, pmfs, cells).reshape(cells, 3, width).transpose(1, 0, 2).reshape(3, size)
    kept = np.flatnonzero(draws.cell >= 0)
    drawn, w = draws.cell[kept] * width + draws.place[kept], 1 / draws.p[kept]
    for row, weights in enumerate((None, w, w * w), start=3):
        packed[row] = np.bincount(drawn, weights, size)
    for metric, values in enumerate(draws.values):
        y = values[kept]
        seen = np.flatnonzero(y)  # most rounds earn nothing
        for row, sums in enumerate(_own(drawn[seen], y[seen], w[seen], size), start=BLOCK * (1 + metric)):
            packed[row] = sums
    return packed.reshape(-1, cells, width).transpose(1, 0, 2)


def _chances(cell: Integers, pmfs: Floats, cells: int) -> Floats:
    """(cells, 3 K) sums of p, of the power of 1/p and of 1/p."""
    rows, width = pmfs.shape
    sums = np.zeros((cells, 3 * width))
    for part in slices(rows, width):
        p = pmfs[part]
        counted = (cell[part] >= 0).astype(np.float64)
        group = np.maximum(cell[part], 0)
        # Cells come in the order of eras: a stretch of rounds meets few of them.
        first, last = int(group.min()), int(group.max()) + 1
        matrix = np.zeros((len(p), 3 * width))
        matrix[:, :width] = p
        inverse = np.divide(1.0, p, out=matrix[:, 2 * width :], where=p > 0)
        powered(inverse, out=matrix[:, width : 2 * width])
        sums[first:last] += row_sums(matrix, group - first, last - first, counted)
    return sums


def _own(drawn: Integers, y: Floats, w: Floats, size: int) -> list[NDArray[Any]]:
    wy = w * y
    weights = (None, y, y * y, wy, w * wy, wy * wy)
    return [np.bincount(drawn, weight, size) for weight in weights]


def of_metric(packed: Floats, metric: int) -> Floats:
    """(C, K, WIDTH) sums of one metric from (C, 6 + 6 M, K); metrics beyond the last block are zero throughout."""
    cells, rows, arms = packed.shape
    sums = np.zeros((cells, arms, WIDTH))
    sums[:, :, list(SHARED)] = packed[:, :BLOCK].transpose(0, 2, 1)
    start = BLOCK * (1 + metric)
    if start < rows:
        sums[:, :, list(OWN)] = packed[:, start : start + BLOCK].transpose(0, 2, 1)
    return sums


def widened(packed: Floats, positions: Sequence[int], arms: int) -> Floats:
    """(rows, arms) from (rows, k): column j goes to positions[j], the others are 0."""
    wide = np.zeros((len(packed), arms))
    wide[:, list(positions)] = packed
    return wide
