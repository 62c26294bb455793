"""Totals gathered into the groups that a readout speaks of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.model.rollups import DECISIONS
from experiments.store.rollups import PART, PARTS, CellKey, Sums, Totals
from offline_eval.ab.bucketed import Bucketed

ROUNDS, TOTAL, SQUARES = 0, 1, 2


class Keyed(Protocol):
    """A part of a definition with a key."""

    @property
    def key(self) -> str:
        """Its key."""
        ...


class Cell(NamedTuple):
    """Whose sums they are."""

    revision: int
    variant: str
    arm: str
    voided: int


def _over_segments(keys: Sequence[CellKey], sums: Sums) -> tuple[list[Cell], Sums]:
    """The rows of `keys` added up over segments: the cells met and their sums, shape (C, P, 3, 256)."""
    cells: dict[Cell, int] = {}
    numbered = (cells.setdefault(Cell(key.revision, key.variant, key.arm, key.voided), len(cells)) for key in keys)
    rows = np.array([cell * PARTS + key.part for cell, key in zip(numbered, keys, strict=True)], dtype=np.int64)
    order = np.argsort(rows, kind="stable")
    met, starts = np.unique(rows[order], return_index=True)
    dense = np.zeros((len(cells) * PARTS, *sums.shape[1:]))
    if len(met):
        dense[met] = np.add.reduceat(sums[order], starts, axis=0)
    by_part = dense.reshape(len(cells), PARTS, *sums.shape[1:])
    return list(cells), np.moveaxis(by_part, 1, 3).reshape(len(cells), *sums.shape[1:3], PARTS * PART)


class Groups:
    """An experiment's totals, of everyone or of one segment."""

    def __init__(self, totals: Totals, segment: str | None) -> None:
        self.segment = segment
        self._all, self._places = totals, totals.places
        kept = [place for place, key in enumerate(totals.keys) if segment is None or key.segment == segment]
        keys = [totals.keys[place] for place in kept]
        self._cells, self._sums = _over_segments(keys, totals.sums[kept] if segment is not None else totals.sums)
        self._revisions = sorted({cell.revision for cell in self._cells})
        self._all_sums = self._gather([True] * len(self._cells))
        self.metrics = set(totals.places)

    def of(self, variant: str | None = None, arm: str | None = None, voided: int | None = None) -> "Group":
        """The cells that match what is given."""
        matching = [
            variant in (None, cell.variant) and arm in (None, cell.arm) and voided in (None, cell.voided)
            for cell in self._cells
        ]
        return Group(self._gather(matching), self._places, self._shares())

    def keys(self, name: str, defined: Iterable[Keyed]) -> list[str]:
        """Variants or arms: those of the definition in force in its order, then those that others had."""
        met = sorted({str(getattr(cell, name)) for cell in self._cells})
        return list(dict.fromkeys([*(one.key for one in defined), *met]))

    def segments(self) -> dict[str, dict[str, int]]:
        """How many matured decisions each segment has; which to ask for."""
        place = self._places.get(DECISIONS)
        if place is None:
            return {}
        counted: dict[str, int] = {}
        for key, total in zip(self._all.keys, self._all.sums[:, place, TOTAL].sum(axis=1).tolist(), strict=True):
            if key.segment:
                counted[key.segment] = counted.get(key.segment, 0) + int(total)
        return {segment: {"matured": count} for segment, count in sorted(counted.items())}

    def _gather(self, matching: Sequence[bool]) -> Sums:
        """Sums by revision, metric, statistic and bucket: shape (S, P, 3, 256)."""
        gathered = np.zeros((len(self._revisions), *self._sums.shape[1:]))
        for cell, sums, matches in zip(self._cells, self._sums, matching, strict=True):
            if matches:
                gathered[self._revisions.index(cell.revision)] += sums
        return gathered

    def _shares(self) -> NDArray[np.float64]:
        """How many matured decisions each revision has, whatever the group: so that groups are weighted alike."""
        place = self._places.get(DECISIONS)
        if place is None:
            return np.ones(len(self._revisions))
        counted: NDArray[np.float64] = self._all_sums[:, place, TOTAL].sum(axis=1)
        return counted


class Group:
    """The sums of some cells. `sums` has shape (S, P, 3, 256): by revision, metric, statistic, bucket."""

    def __init__(self, sums: Sums, places: Mapping[str, int], shares: NDArray[np.float64]) -> None:
        self._sums, self._places, self._shares = sums, places, shares

    def total(self, metric: str) -> float:
        """The metric's sum over all of the group."""
        return float(self._of(metric, TOTAL).sum())

    def count(self, metric: str) -> int:
        """One of the counts."""
        return round(self.total(metric))

    def bucketed(self, over: Sequence[str], under: Sequence[str], units: str) -> Bucketed:
        """The sum of some metrics over the sum of others, stratified by revision."""
        totals = sum((self._of(name, TOTAL) for name in over), np.zeros(1))
        sizes = sum((self._of(name, TOTAL) for name in under), np.zeros(1))
        binary = len(over) == 1 and under == (DECISIONS,) and self._is_binary(over[0])
        return Bucketed(totals, sizes, self._shares, self.count(DECISIONS), self.count(units), binary)

    def _is_binary(self, metric: str) -> bool:
        """Every value is 0 or 1 exactly where count, sum and sum of squares agree."""
        rounds = self._of(metric, ROUNDS)
        return bool((rounds == self._of(metric, TOTAL)).all() and (rounds == self._of(metric, SQUARES)).all())

    def _of(self, metric: str, statistic: int) -> Sums:
        place = self._places.get(metric)
        if place is None:
            return np.zeros((self._sums.shape[0], self._sums.shape[3]))
        found: Sums = self._sums[:, place, statistic]
        return found
