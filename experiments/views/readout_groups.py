"""Totals gathered into the groups that a readout speaks of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.model.rollups import DECISIONS
from experiments.store.rollups import PART, PARTS, Sums, Totals
from offline_eval.ab.bucketed import Bucketed

ROUNDS, TOTAL, SQUARES = 0, 1, 2


class Keyed(Protocol):
    """A part of a definition with a key."""

    @property
    def key(self) -> str:
        """Its key."""
        ...


class Groups:
    """An experiment's totals, of everyone or of one segment."""

    def __init__(self, totals: Totals, segment: str | None) -> None:
        self.segment = segment
        self._all, self._places = totals, totals.places
        keep = [segment is None or key.segment == segment for key in totals.keys]
        self._keys = [key for key, kept in zip(totals.keys, keep, strict=True) if kept]
        self._sums = totals.sums[np.array(keep, dtype=bool)] if totals.keys else totals.sums
        self._revisions = sorted({key.revision for key in self._keys})
        self._strata = np.array([self._revisions.index(key.revision) for key in self._keys], dtype=np.int64)
        self._parts = np.array([key.part for key in self._keys], dtype=np.int64)
        self._columns = {
            name: np.array([getattr(key, name) for key in self._keys], dtype=object)
            for name in ("variant", "arm", "voided")
        }
        self._by_revision = self._gather(np.ones(len(self._keys), dtype=bool))
        self.metrics = set(totals.places)

    def of(self, variant: str | None = None, arm: str | None = None, voided: int | None = None) -> "Group":
        """The cells that match what is given."""
        matching = np.ones(len(self._keys), dtype=bool)
        for name, wanted in (("variant", variant), ("arm", arm), ("voided", voided)):
            if wanted is not None:
                matching &= self._columns[name] == wanted
        return Group(self._gather(matching), self._places, self._shares())

    def keys(self, name: str, defined: Iterable[Keyed]) -> list[str]:
        """Variants or arms: those of the definition in force in its order, then those that others had."""
        met = sorted(set(self._columns[name]))
        return list(dict.fromkeys([*(one.key for one in defined), *met]))

    def segments(self) -> dict[str, dict[str, int]]:
        """How many matured decisions each segment has; which to ask for."""
        counted: dict[str, int] = {}
        place = self._places.get(DECISIONS)
        for key, sums in zip(self._all.keys, self._all.sums, strict=True):
            if place is not None and key.segment:
                counted[key.segment] = counted.get(key.segment, 0) + int(sums[place, TOTAL].sum())
        return {segment: {"matured": count} for segment, count in sorted(counted.items())}

    def _gather(self, matching: NDArray[np.bool_]) -> Sums:
        """Sums by revision, metric, statistic and bucket: shape (S, P, 3, 256)."""
        gathered = np.zeros((len(self._revisions), PARTS, len(self._places), 3, PART))
        np.add.at(gathered, (self._strata[matching], self._parts[matching]), self._sums[matching])
        return np.moveaxis(gathered, 1, 3).reshape(len(self._revisions), len(self._places), 3, PARTS * PART)

    def _shares(self) -> NDArray[np.float64]:
        """How many matured decisions each revision has, whatever the group: so that groups are weighted alike."""
        place = self._places.get(DECISIONS)
        if place is None:
            return np.ones(len(self._revisions))
        counted: NDArray[np.float64] = self._by_revision[:, place, TOTAL].sum(axis=1)
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
