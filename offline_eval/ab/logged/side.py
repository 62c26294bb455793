"""One side of a contrast: a weighted mean and what it rests on."""

from dataclasses import dataclass, replace

import numpy as np

from offline_eval.ab.logged.sums import (
    EVENTS,
    WW,
    WWW,
    WWWY,
    WWWYY,
    WWWYYY,
    WWY,
    WWYY,
    WY,
    Floats,
    N,
    PairSums,
    W,
)
from offline_eval.ab.scarcity import scarcer

ROUNDING = 1e-14

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Side:
    """Σ w y / Σ w of one group (Hájek 1971), w = 1/p.

    Attributes:
        row: (COLUMNS,) sums. largest: the largest weight. top: the largest |w y|.
        people: (3, B) Σ w², Σ w and Σ w y by unit; None where every unit has one row.
        strata: (5, S) by stratum draws and their Σ w, then 1, y and y² of the rows in hand; None where probabilities
            are not the strata's own shares.
    """

    row: Floats
    largest: float
    top: Floats
    people: Floats | None = None
    strata: Floats | None = None

    @classmethod
    def of(cls, pair: PairSums, side: int, metric: int, whole: PairSums | None = None) -> "Side":
        """Of one metric; `whole`: of all rows, where the pair's are those of a segment."""
        own = None if pair.people is None else pair.people[side][[0, 1 + 2 * metric, 2 + 2 * metric]]
        strata, draws = None, pair.strata if whole is None else whole.strata
        if pair.strata is not None and draws is not None:
            strata = np.concatenate([draws[side, :2], pair.strata[side, 2 + 3 * metric : 5 + 3 * metric]])
        return cls(pair.sums[side, metric], float(pair.largest[side, metric]), pair.top[side, metric], own, strata)

    @property
    def by_unit(self) -> Floats:
        """(3, B) `people`. Raises ValueError where every unit has one row, and nothing is kept by unit."""
        if self.people is None:
            raise ValueError("every unit has one row: nothing is kept by unit")
        return self.people

    @property
    def n(self) -> int:
        """Rows where the metric is known."""
        return int(self.row[N])

    @property
    def weight(self) -> float:
        """Σ w."""
        return float(self.row[W])

    @property
    def mean(self) -> float:
        """Needs a row."""
        return float(self.row[WY] / self.row[W])

    @property
    def spread(self) -> float:
        """Σ w² (y - mean)², 0 where that is rounding."""
        m, row = self.mean, self.row
        found = float(row[WWYY] - 2 * m * row[WWY] + m * m * row[WW])
        return found if found > ROUNDING * float(row[WWYY] + m * m * row[WW]) else 0.0

    @property
    def third(self) -> float:
        """Σ w³ (y - mean)³."""
        m, row = self.mean, self.row
        return float(row[WWWYYY] - 3 * m * row[WWWYY] + 3 * m * m * row[WWWY] - m**3 * row[WWW])

    @property
    def variance(self) -> float:
        """Of the mean, rows taken as independent."""
        return self.spread / self.weight**2 * self.n / max(self.n - 1, 1)

    @property
    def alike(self) -> float:
        """Rows of equal weight that would be as many: (Σ w)² / Σ w² (Kish 1965)."""
        return float(self.row[W] ** 2 / self.row[WW])

    @property
    def shares(self) -> Floats:
        """(B,) each unit's share of the weight."""
        people = self._units()
        return np.asarray(people[1] / people[1].sum())

    @property
    def effective(self) -> float:
        """Rows, or units where these have several rows, of equal weight that would be as many."""
        if self.people is None:
            return self.alike
        shares = self.shares
        return float(1 / (shares @ shares))

    def events(self, zero_or_one: bool) -> float:
        """Rows whose metric is not 0; of a 0/1 metric, or those where it is 0, whichever are fewer."""
        return scarcer(float(self.row[EVENTS]), float(self.row[N]), zero_or_one)

    def scaled(self, bounds: Bounds) -> "Side":
        """Of (y - lowest) / (highest - lowest); third powers and the tail are left as they are."""
        low, span = bounds[0], bounds[1] - bounds[0]
        if (low, span) == (0.0, 1.0):
            return self
        row = self.row.copy()
        row[WY] = (self.row[WY] - low * self.row[W]) / span
        row[WWY] = (self.row[WWY] - low * self.row[WW]) / span
        row[WWYY] = (self.row[WWYY] - 2 * low * self.row[WWY] + low * low * self.row[WW]) / span**2
        people = self.people
        if people is not None:
            people = np.stack([people[0], people[1], (people[2] - low * people[1]) / span])
        return replace(self, row=row, people=people)

    def mirrored(self) -> "Side":
        """Of 1 - y."""
        row = self.row.copy()
        row[WY] = self.row[W] - self.row[WY]
        row[WWY] = self.row[WW] - self.row[WWY]
        row[WWYY] = self.row[WW] - 2 * self.row[WWY] + self.row[WWYY]
        people = self.people
        return replace(self, row=row, people=None if people is None else np.stack([*people[:2], people[1] - people[2]]))

    def _units(self) -> Floats:
        if self.people is None:
            raise ValueError("every unit has one row")
        return self.people
