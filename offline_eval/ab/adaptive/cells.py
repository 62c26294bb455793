"""Rounds of an adaptive variant as sums by snapshot, eligible set and segment: all that arm contrasts need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from offline_eval.ab.adaptive.steepness import powered
from offline_eval.ab.errors import SampleError

Floats = NDArray[np.float64]

EXPECTED, STEEPNESS, INVERSE, CHOSEN, EVENTS, REWARD, SQUARES, W, WY, WW, WWY, WWYY = range(12)
"""Sums for one arm of one cell. Over the rounds where it was eligible: its probability p, a power of 1/p (see
`steepness`) and 1/p; over those where it was drawn: 1, whether the reward is not 0, y, y², 1/p, y/p, 1/p², y/p²,
y²/p²."""

WIDTH = 12


class CellKey(NamedTuple):
    """`snapshot` orders cells in time; `eligible` is the set of eligible arms as a bit mask."""

    snapshot: int
    eligible: int
    segment: int


@dataclass(frozen=True, slots=True)
class Rounds:
    """n matured rounds in columns.

    Attributes:
        snapshot: (n,) number of the frozen policy that drew, rising in time.
        arm: (n,) index of the drawn arm.
        pmf: (n, K) probabilities, 0 where not eligible.
        reward: (n,) the metric.
        segment: (n,) code of the cell of context in which the reward model keeps a mean; zeros for none.
    """

    snapshot: NDArray[np.int64]
    arm: NDArray[np.int64]
    pmf: Floats
    reward: Floats
    segment: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums by cell; `a + b` are the cells of both, whatever the order.

    The score of arm a in round i, q + 1{Aᵢ = a} (Yᵢ - q) / pᵢ, and its square are polynomials in q whose coefficients
    are these sums, so that the reward model q may be chosen after merging and still be that of the past only.

    Attributes:
        arms: K names.
        counts: cell → number of rounds.
        sums: cell → (K, WIDTH).
    """

    arms: tuple[str, ...]
    counts: Mapping[CellKey, int]
    sums: Mapping[CellKey, Floats]

    @classmethod
    def of(cls, arms: Sequence[str], rounds: Rounds) -> "Cells":
        """From columns. Raises SampleError where a drawn arm had no probability, or a number is not finite."""
        drawn = np.take_along_axis(rounds.pmf, rounds.arm[:, None], axis=1)[:, 0]
        if not ((drawn > 0) & np.isfinite(rounds.reward)).all():
            raise SampleError("every drawn arm needs a positive probability and every reward must be finite")
        codes = _eligible_codes(rounds.pmf)
        keys = np.stack([rounds.snapshot, codes, rounds.segment], axis=1)
        distinct, cell = np.unique(keys, axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        table = _sums(len(arms), rounds, drawn, cell, len(distinct))
        named = [CellKey(int(s), _mask(rounds.pmf, codes, int(e)), int(g)) for s, e, g in distinct]
        counts = np.bincount(cell, minlength=len(distinct))
        return cls(
            tuple(arms),
            {key: int(count) for key, count in zip(named, counts, strict=True)},
            dict(zip(named, table, strict=True)),
        )

    def __add__(self, other: "Cells") -> "Cells":
        if self.arms != other.arms:
            raise SampleError("cells of different arms cannot be added")
        counts, sums = dict(self.counts), dict(self.sums)
        for key, count in other.counts.items():
            counts[key] = counts.get(key, 0) + count
            sums[key] = sums[key] + other.sums[key] if key in sums else other.sums[key]
        return Cells(self.arms, counts, sums)

    @property
    def n(self) -> int:
        """Rounds in all cells."""
        return sum(self.counts.values())

    def total(self) -> Floats:
        """(K, WIDTH) over all cells."""
        return np.sum(list(self.sums.values()), axis=0) if self.sums else np.zeros((len(self.arms), WIDTH))


def _eligible_codes(pmf: Floats) -> NDArray[np.int64]:
    """(n,) number of the distinct eligible set; one pass for the common case that all arms always are."""
    eligible = pmf > 0
    if eligible.all():
        return np.zeros(len(pmf), dtype=np.int64)
    packed = np.packbits(eligible, axis=1)
    return np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _mask(pmf: Floats, codes: NDArray[np.int64], code: int) -> int:
    row = pmf[int(np.argmax(codes == code))]
    return sum(1 << int(k) for k in np.flatnonzero(row > 0))


def _sums(arms: int, rounds: Rounds, drawn: Floats, cell: NDArray[np.int64], cells: int) -> Floats:
    table = np.zeros((cells, arms, WIDTH))
    for k in range(arms):
        p = rounds.pmf[:, k]
        inverse = np.divide(1.0, p, out=np.zeros_like(p), where=p > 0)
        for column, values in ((EXPECTED, p), (STEEPNESS, powered(inverse)), (INVERSE, inverse)):
            table[:, k, column] = np.bincount(cell, values, cells)
    y, w = rounds.reward, 1 / drawn
    place = cell * arms + rounds.arm
    columns = [np.ones_like(y), y != 0, y, y * y, w, w * y, w * w, w * w * y, w * w * y * y]
    for column, values in zip(range(CHOSEN, WIDTH), columns, strict=True):
        table[:, :, column] = np.bincount(place, values, cells * arms).reshape(cells, arms)
    return table
