"""An experiment's sums by cell, gathered into the groups that a readout speaks of.

A cell is a revision x variant x arm x segment x voided; its sums are by bucket of units (totals tier) or by hour. Sums
of products of two metrics are not kept: whatever a ratio of two metrics needs, the covariance of their means, comes
from their sums by bucket, which belong to the same units. Counts and sums of squares are needed over all buckets only.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from experiments.model.rollups import DECISIONS
from experiments.store.rollups.cell_totals import CellTotals
from experiments.views.readout.bounds import NO_BOUNDS, Bounds
from experiments.views.readout.group import TOTAL, Columns, Group

Floats = NDArray[np.float64]
Label = TypeVar("Label", bound=Hashable)


class Cell(NamedTuple):
    """Whose sums they are."""

    revision: int
    variant: str
    arm: str
    segment: str
    voided: int


class Cells(NamedTuple):
    """Sums of C cells and P metrics.

    Attributes:
        keys: of the cells. places: metric → its place.
        sums: (C, P, B) totals by cell, metric and bucket (of units, or hour).
        flat: (C, P, 3) over all buckets: rounds that are not zero, total, sum of squares (NaN where that is not kept).
        shares: metrics that are 0 or 1 by definition. bounds: what is known of money beforehand.
        whole: of a part of the time, the whole experiment's cells by bucket of units; see `spans` and `later`.
        by_hour: buckets are hours, between which repeated decisions of a unit do not show.
    """

    keys: Sequence[Cell]
    places: Mapping[str, int]
    sums: Floats
    flat: Floats
    shares: frozenset[str] = frozenset()
    bounds: Bounds = NO_BOUNDS
    whole: "Cells | None" = None
    by_hour: bool = False

    @property
    def revisions(self) -> list[int]:
        """Those met, in order."""
        return sorted({key.revision for key in self.keys})

    def where(self, kept: Callable[[Cell], bool]) -> "Cells":
        """The cells that are kept."""
        chosen = [place for place, key in enumerate(self.keys) if kept(key)]
        keys, whole = [self.keys[place] for place in chosen], self.whole.where(kept) if self.whole else None
        return self._replace(keys=keys, sums=self.sums[chosen], flat=self.flat[chosen], whole=whole)

    def later(self, first: int) -> "Cells":
        """Those of the revision `first` and later."""
        return self.where(lambda key: key.revision >= first)._replace(whole=self)

    def groups(
        self, label: Callable[[Cell], Label | None], within: Callable[[Label], Hashable] | None = None
    ) -> dict[Label, Group]:
        """The cells of the same label added up by revision; those labelled None are in no group.

        Revisions are weighted by the matured decisions in them: of all cells, so that groups are weighted alike, or of
        the groups for which `within` is the same.
        """
        order = {number: place for place, number in enumerate(self.revisions)}
        sums: dict[Label, Floats] = {}
        flat: dict[Label, Floats] = {}
        for place, key in enumerate(self.keys):
            name = label(key)
            if name is None:
                continue
            if name not in sums:
                sums[name] = np.zeros((len(order), *self.sums.shape[1:]))
                flat[name] = np.zeros((len(order), *self.flat.shape[1:]))
            sums[name][order[key.revision]] += self.sums[place]
            flat[name][order[key.revision]] += self.flat[place]
        weights = self._weights(flat, within)
        whole = self.whole.groups(label, within) if self.whole else {}
        costly = {label(key) for key in self.keys if key.variant not in self.bounds.free}
        columns = {name: self._columns if name in costly else self._free_columns for name in sums}
        return {name: Group(columns[name], sums[name], flat[name], weights[name], whole.get(name)) for name in sums}

    def _weights(self, flat: Mapping[Label, Floats], within: Callable[[Label], Hashable] | None) -> dict[Label, Floats]:
        """(S,) matured decisions by revision, for each group."""
        place = self.places.get(DECISIONS)
        if within is None or place is None:
            return dict.fromkeys(flat, self.weights())
        counted: dict[Hashable, Floats] = {}
        for name, sums in flat.items():
            counted[within(name)] = counted.get(within(name), 0.0) + sums[:, place, TOTAL]
        return {name: counted[within(name)] for name in flat}

    def nobody(self) -> Group:
        """A group of no cells."""
        strata = len(self.revisions)
        sums, flat = np.zeros((strata, *self.sums.shape[1:])), np.zeros((strata, *self.flat.shape[1:]))
        return Group(self._columns, sums, flat, self.weights())

    @property
    def _columns(self) -> Columns:
        return Columns(self.places, self.shares, self.by_hour, self.bounds, self.revisions)

    @property
    def _free_columns(self) -> Columns:
        return self._columns._replace(bounds=self.bounds.where_nothing_costs())

    def weights(self) -> Floats:
        """(S,) matured decisions by revision."""
        revisions, place = self.revisions, self.places.get(DECISIONS)
        if place is None:
            return np.ones(len(revisions))
        counted = np.zeros(len(revisions))
        for key, count in zip(self.keys, self.flat[:, place, TOTAL].tolist(), strict=True):
            counted[revisions.index(key.revision)] += count
        return counted


def of_totals(totals: CellTotals, shares: frozenset[str], bounds: Bounds = NO_BOUNDS) -> Cells:
    """The totals tier, 256 buckets of units. `shares` and `bounds`: see Cells."""
    return Cells([Cell(*key) for key in totals.cells], totals.places, totals.sums, totals.flat, shares, bounds)
