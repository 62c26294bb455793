"""Sums of weights and weighted rewards that several intervals and the choice between them read."""

from dataclasses import dataclass, fields
from typing import Self

from offline_eval.moments import Matrix, Moments

TINY = 1e-12
"""A sum of squares below this part of its terms is rounding."""


@dataclass(frozen=True, slots=True)
class FiveSums:
    """n, Σ w, Σ w², Σ w r, Σ w² r, Σ w² r²."""

    n: float
    w: float
    ww: float
    wr: float
    wwr: float
    wwrr: float

    @classmethod
    def of(cls, moments: Moments) -> Self:
        """Read off the moments of the basis of weights, (w, w r, …)."""
        total, cross = moments.total, moments.cross
        return cls(
            moments.n, float(total[0]), float(cross[0, 0]), float(total[1]), float(cross[0, 1]), float(cross[1, 1])
        )

    @classmethod
    def of_rows(cls, weight: Matrix, reward: Matrix) -> Self:
        """From weights and rewards, each (m,)."""
        product = weight * reward
        sums = weight.sum(), weight @ weight, product.sum(), weight @ product, product @ product
        return cls(len(weight), *map(float, sums))

    def __add__(self, other: "FiveSums") -> "FiveSums":
        return FiveSums(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def thinned(self, effect: float) -> "FiveSums":
        """The same as if every row counted 1 / effect: what rows of a design effect are worth."""
        return FiveSums(*(total / effect for total in (self.n, self.w, self.ww, self.wr, self.wwr, self.wwrr)))

    def mirrored(self) -> "FiveSums":
        """The same with rewards -r: an upper bound is minus a lower bound of the mirror."""
        return FiveSums(self.n, self.w, self.ww, -self.wr, -self.wwr, self.wwrr)

    def above(self, low: float) -> "FiveSums":
        """The same with rewards r - low; what is left of rounding is 0."""
        wr, wwr = self.wr - low * self.w, self.wwr - low * self.ww
        wwrr = self.wwrr - 2.0 * low * self.wwr + low**2 * self.ww
        size = self.wwrr + low**2 * self.ww
        if wwrr <= TINY * size:
            wr = wwr = wwrr = 0.0
        return FiveSums(self.n, self.w, self.ww, wr, wwr, wwrr)

    @property
    def effective_events(self) -> float:
        """(Σ w r)² / Σ w² r²: how many equal events would weigh as much; 0 without any."""
        return self.wr**2 / self.wwrr if self.wwrr > 0 else 0.0
