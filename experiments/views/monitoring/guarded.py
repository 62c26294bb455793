"""Evidence of guardrails and stop rules, from the totals tier: groups of decisions of the revisions that count."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.model.rollups import ARM_UNITS, DECISIONS, UNITS
from experiments.store.rollups.tiers import PART, PARTS, CellKey, Totals
from experiments.views.readout.bounds import NO_BOUNDS, Bounds, Counted
from offline_eval.ab.bucketed import Bucketed
from offline_eval.ab.bucketed_contrast import Look, bucketed_contrast
from offline_eval.ab.contrast import Contrast

ROUNDS, TOTAL, SQUARES = 0, 1, 2

Floats = NDArray[np.float64]
Stratum = tuple[int, str]
"""Revision and variant: within one, chances were what they were."""


class Belonging(NamedTuple):
    """Cells of a variant, or of an arm as delivered."""

    variant: str | None = None
    arm: str | None = None

    def holds(self, key: CellKey) -> bool:
        """Whether the cell belongs."""
        delivered = self.arm is None or (key.arm == self.arm and not key.voided)
        return delivered and self.variant in (None, key.variant)


class Evidence:
    """An experiment's totals, asked by guardrails. Means are of decisions, their errors clustered by unit."""

    def __init__(self, totals: Totals, bounds: Bounds = NO_BOUNDS) -> None:
        self._totals, self._bounds = totals, bounds

    def units(self) -> int:
        """Units whose first decision has matured."""
        return round(self._sum(UNITS, range(len(self._totals.keys))))

    def counted_in_all(self) -> Counted:
        """Matured decisions and units."""
        every = range(len(self._totals.keys))
        return Counted(self._sum(DECISIONS, every), self._sum(UNITS, every))

    def judged(self, metric: str) -> str:
        """What is looked at where the metric is guarded or aimed at."""
        return self._bounds.judged(metric)

    def variants(self, pair: tuple[str, str], metric: str, since: int, alpha: float) -> Contrast:
        """One variant against another, on intention to treat, over decisions of the revision `since` and later."""
        kept = self._revisions(metric, since)
        strata = sorted({(key.revision, "") for key in self._totals.keys if key.revision in kept})
        groups = [self._group(Belonging(variant=name).holds, metric, UNITS, strata) for name in pair]
        return bucketed_contrast(groups[0], groups[1], Look(True, alpha))

    def arms(self, pair: tuple[str, str], within: Sequence[str], metric: str, since: int, alpha: float) -> Contrast:
        """One arm against another among delivered decisions of variants whose policies don't react, each by itself."""
        kept = self._revisions(metric, since)
        strata = sorted(
            {(key.revision, key.variant) for key in self._totals.keys if key.revision in kept and key.variant in within}
        )
        groups = [self._group(Belonging(arm=name).holds, metric, ARM_UNITS, strata) for name in pair]
        return bucketed_contrast(groups[0], groups[1], Look(True, alpha))

    def counted(self, variant: str, metric: str, since: int) -> dict[int, tuple[int, int]] | None:
        """Revision → units and those with the event; None where one came twice or the metric is not 0 or 1."""
        rows = [at for at, key in enumerate(self._totals.keys) if key.revision >= since and variant == key.variant]
        hits, total, squares = (self._sum(metric, rows, statistic) for statistic in (ROUNDS, TOTAL, SQUARES))
        if self._sum(UNITS, rows) != self._sum(DECISIONS, rows) or not hits == total == squares:
            return None
        found: dict[int, tuple[int, int]] = {}
        for revision in sorted({self._totals.keys[at].revision for at in rows}):
            within = [at for at in rows if self._totals.keys[at].revision == revision]
            found[revision] = round(self._sum(UNITS, within)), round(self._sum(metric, within))
        return found

    def _revisions(self, metric: str, since: int) -> set[int]:
        """Those from `since` on in which the metric was computed."""
        found = sorted({key.revision for key in self._totals.keys if key.revision >= since})
        computed = self._bounds.has_value(metric, found)
        return {number for number, known in zip(found, computed.tolist(), strict=True) if known}

    def _group(
        self, belongs: Callable[[CellKey], bool], metric: str, units: str, strata: Sequence[Stratum]
    ) -> Bucketed:
        keys = self._totals.keys
        ever = [at for at, key in enumerate(keys) if belongs(key)]
        by_variant = any(variant for _, variant in strata)
        placed = [(at, (keys[at].revision, keys[at].variant if by_variant else "")) for at in ever]
        rows = [(at, strata.index(stratum)) for at, stratum in placed if stratum in strata]
        totals, sizes = (self._by_stratum(rows, name, TOTAL, len(strata)) for name in (metric, DECISIONS))
        hits, squares = (self._by_stratum(rows, metric, statistic, len(strata)) for statistic in (ROUNDS, SQUARES))
        rounds = float(sizes.sum())
        return Bucketed(
            totals,
            sizes,
            self._weights(strata),
            round(rounds),
            self._units(ever, [at for at, _ in rows], units),
            bool((hits == totals).all() and (hits == squares).all()),
            float(hits.sum()),
            self._bounds.limits.get(metric),
        )

    def _units(self, ever: Sequence[int], rows: Sequence[int], units: str) -> int:
        """Units behind some rows: a unit is counted once in its life, so as many a decision as in all, or more."""
        counted, decisions = round(self._sum(units, rows)), self._sum(DECISIONS, ever)
        if not decisions:
            return counted
        return max(counted, round(self._sum(DECISIONS, rows) * self._sum(units, ever) / decisions))

    def _weights(self, strata: Sequence[Stratum]) -> Floats:
        """Decisions of each stratum in all groups, so that groups are weighted alike."""
        keys = self._totals.keys
        return np.array(
            [
                self._sum(
                    DECISIONS,
                    [at for at, key in enumerate(keys) if key.revision == revision and variant in ("", key.variant)],
                )
                for revision, variant in strata
            ]
        )

    def _by_stratum(self, rows: Sequence[tuple[int, int]], metric: str, statistic: int, strata: int) -> Floats:
        """Sums of shape (strata, buckets)."""
        found = np.zeros((strata, PARTS, PART))
        place = self._totals.places.get(metric)
        if place is not None:
            for at, stratum in rows:
                found[stratum, self._totals.keys[at].part] += self._totals.sums[at, place, statistic]
        return found.reshape(strata, PARTS * PART)

    def _sum(self, metric: str, rows: Sequence[int], statistic: int = TOTAL) -> float:
        place = self._totals.places.get(metric)
        return 0.0 if place is None else float(self._totals.sums[list(rows), place, statistic].sum())
