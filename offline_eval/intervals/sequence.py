"""Order-dependent sums behind the confidence sequences: extended row by row, in order, vectorised over a chunk."""

import math
from dataclasses import dataclass

import numpy as np

from offline_eval.moments import Matrix

BET_ALPHA = 0.025
"""The bets are tuned for this error on each side; they stay valid at every other alpha."""

LARGEST_BET = 0.5


@dataclass(frozen=True, slots=True)
class Side:
    """Running sums for a lower bound on the mean of terms x >= 0 whose mean is at most 1.

    Attributes:
        t, total: rows, and sum of x.
        centred: Σ (x_i - x̂_{i-1})², x̂ the predictable mean (Σ x + 1/2) / (t + 1), at most `cap`.
        bets, bet_terms, bet_loss: Σ λ_i, Σ λ_i x_i, Σ ψ(λ_i) (x_i - x̂_{i-1})².
        cap: x̂ may not exceed 1, so that x - x̂ >= -1; infinity drops that safeguard.
    """

    t: int = 0
    total: float = 0.0
    centred: float = 0.0
    bets: float = 0.0
    bet_terms: float = 0.0
    bet_loss: float = 0.0
    cap: float = 1.0

    def path(self, x: Matrix) -> "Path":
        """The sums after each further row of x (m,)."""
        before = np.arange(self.t, self.t + len(x), dtype=np.float64)
        total = np.cumsum(x)
        total += self.total
        guess = np.minimum((total - x + 0.5) / (before + 1.0), self.cap)
        squared = np.square(x - guess)
        centred = np.cumsum(squared)
        centred += self.centred
        variance = (centred - squared + 0.25) / (before + 1.0)
        after = before + 1.0
        bet = np.sqrt(2.0 * math.log(1.0 / BET_ALPHA) / (variance * after * np.log1p(after)))
        bet = np.minimum(bet, LARGEST_BET)
        loss = np.cumsum((-np.log1p(-bet) - bet) * squared) + self.bet_loss
        return Path(after, total, centred, np.cumsum(bet) + self.bets, np.cumsum(bet * x) + self.bet_terms, loss)

    def extend(self, x: Matrix) -> "Side":
        """This side after the rows x (m,)."""
        if not len(x):
            return self
        path = self.path(x)
        return Side(
            self.t + len(x),
            float(path.total[-1]),
            float(path.centred[-1]),
            float(path.bets[-1]),
            float(path.bet_terms[-1]),
            float(path.bet_loss[-1]),
            self.cap,
        )


@dataclass(frozen=True, slots=True)
class Path:
    """The sums of Side after each of m rows, each (m,)."""

    t: Matrix
    total: Matrix
    centred: Matrix
    bets: Matrix
    bet_terms: Matrix
    bet_loss: Matrix


class OrderError(Exception):
    """Order-dependent sums can be extended in order, not merged."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Both sides, for rewards scaled to [0, 1]: x = w (r - lo) / (hi - lo) and w (hi - r) / (hi - lo).

    Depends on the order of the rows and is exempt from merging: `+` raises OrderError.
    """

    reward: tuple[float, float]
    lower: Side = Side()
    upper: Side = Side()

    def extend(self, weight: Matrix, reward: Matrix) -> "Sequence":
        """The sums after m further rows, in order."""
        low, high = self.reward
        scaled = weight * (reward - low) / (high - low)
        return Sequence(self.reward, self.lower.extend(scaled), self.upper.extend(weight - scaled))

    def __add__(self, other: "Sequence") -> "Sequence":
        raise OrderError("a confidence sequence depends on the order of the rows: extend it, do not merge")
