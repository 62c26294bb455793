"""How skewed a weighted mean is: whether its normal interval may be believed where rewards have no known limit."""

from dataclasses import dataclass, fields
from typing import Self

from offline_eval.intervals.sums import FiveSums
from offline_eval.moments import Matrix

MOST_SKEWED = 0.1
"""Skewness of a mean up to which rewards without a known limit get bounds.

Measured in docs/results/coverage.md, "Amounts without a known limit".
"""


@dataclass(frozen=True, slots=True)
class Thirds:
    """Σ w³, Σ w³ r, Σ w³ r², Σ w³ r³, mergeable."""

    www: float
    wwwr: float
    wwwrr: float
    wwwrrr: float

    @classmethod
    def of_rows(cls, weight: Matrix, reward: Matrix) -> Self:
        """From weights and rewards, each (m,)."""
        product = weight * reward
        squares, products = weight * weight, product * product
        sums = squares @ weight, squares @ product, products @ weight, products @ product
        return cls(*map(float, sums))

    def __add__(self, other: "Thirds") -> "Thirds":
        return Thirds(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def about(self, value: float) -> float:
        """Σ (w (r - value))³."""
        return self.wwwrrr - 3 * value * self.wwwrr + 3 * value**2 * self.wwwr - value**3 * self.www


def squares_about(sums: FiveSums, value: float) -> float:
    """Σ (w (r - value))²; what is left of rounding is 0."""
    return sums.above(value).wwrr


def skewness_of_mean(sums: FiveSums, thirds: Thirds, effect: float) -> float:
    """Size of the skewness of Σ w (r - v) / Σ w, v the self-normalised value: κ₃ / κ₂^1.5 of a sum of rows.

    The first term by which a studentised mean is not normal (Hall 1992, *The Bootstrap and Edgeworth Expansion*, 2.6).
    Rows of a design effect are worth so many fewer. 0 where nothing varies.
    """
    value = sums.wr / sums.w if sums.w else 0.0
    return _ratio(abs(thirds.about(value)), squares_about(sums, value), effect)


def skewness_apart(parts: tuple[tuple[FiveSums, Thirds], ...], value: float, effect: float) -> float:
    """The same of a difference, from what either policy does more than the other, about a value between theirs.

    What one part's tail takes from the skewness of the other is not counted: that both tails were seen equally well is
    nothing that one log can show.
    """
    third = max(abs(thirds.about(value)) for _, thirds in parts)
    return _ratio(third, sum(squares_about(sums, value) for sums, _ in parts), effect)


def _ratio(third: float, squares: float, effect: float) -> float:
    return float(third / squares**1.5 * effect**0.5) if squares > 0 else 0.0
