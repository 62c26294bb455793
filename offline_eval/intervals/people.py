"""How many people stand behind rows of which some share a person."""

from dataclasses import dataclass
from typing import Self

from offline_eval.moments import BUCKETS, Matrix, Moments

APART = BUCKETS / 8
"""Up to this many, people hardly ever share a bucket."""

LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class People:
    """What people of several rows are worth.

    Attributes:
        effective: people of equal size that would be as informative, (Σ s)² / Σ s² of their sizes s.
        freedom: degrees of freedom of a variance between them, below 1 where one person has nearly everything.
    """

    effective: float
    freedom: float

    @classmethod
    def of(cls, moments: Moments) -> Self:
        """From sums by bucket of people of the basis of weights; by rows or by weight, whichever leaves fewer.

        Freedom is one less than the effective number of clusters of Carter, Schnepel & Steigerwald, *Asymptotic
        behavior of a t-test robust to cluster heterogeneity*, REStat 2017, at full correlation within people (the
        smallest it may be): (Σ s²)² / Σ s⁴.
        """
        if moments.buckets is None:
            raise ValueError("people are counted from sums by bucket")
        sizes = moments.buckets[0], moments.buckets[1]
        return cls(min(map(_effective, sizes)), min(map(_freedom, sizes)))


def _effective(size: Matrix) -> float:
    """Buckets hold several people where these are many: what chance adds to a bucket's square is taken off again."""
    total, squares = float(size.sum()), float(size @ size)
    if total <= 0.0:
        return 0.0
    if total**2 < APART * squares:
        return total**2 / squares
    return total**2 / max((squares - total**2 / BUCKETS) * BUCKETS / (BUCKETS - 1), total**2 * LEAST)


def _freedom(size: Matrix) -> float:
    squares = float(size @ size)
    return squares**2 / float((size**4).sum()) - 1.0 if squares > 0 else 0.0
