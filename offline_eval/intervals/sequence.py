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
        total, centred, bet, loss = self._play(x, clock(self.t, len(x)))
        after = np.arange(self.t + 1, self.t + len(x) + 1, dtype=np.float64)
        terms = np.cumsum(bet * x) + self.bet_terms
        return Path(after, total, centred, np.cumsum(bet) + self.bets, terms, np.cumsum(loss) + self.bet_loss)

    def extend(self, x: Matrix, growth: Matrix) -> "Side":
        """This side after the rows x (m,), m >= 1; `growth` is `clock(self.t, m)`."""
        total, centred, bet, loss = self._play(x, growth)
        return Side(
            self.t + len(x),
            float(total[-1]),
            float(centred[-1]),
            self.bets + float(bet.sum()),
            self.bet_terms + float(bet @ x),
            self.bet_loss + float(loss.sum()),
            self.cap,
        )

    def _play(self, x: Matrix, growth: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """Running Σ x and centred sum of squares, the bets and their losses, each (m,)."""
        after = np.arange(self.t + 1, self.t + len(x) + 1, dtype=np.float64)
        total = np.cumsum(x)
        total += self.total
        guess = total - x
        guess += 0.5
        guess /= after
        np.minimum(guess, self.cap, out=guess)
        squared = np.square(x - guess)
        centred = np.cumsum(squared)
        centred += self.centred
        bet = growth / (centred - squared + 0.25)
        np.sqrt(bet, out=bet)
        np.minimum(bet, LARGEST_BET, out=bet)
        return total, centred, bet, squared * (-np.log1p(-bet) - bet)


def clock(t: int, rows: int) -> Matrix:
    """(m,) 2 ln(1/α) / ln(1 + i) for i = t+1 … t+m: a bet is √(clock / running sum of squares), at most LARGEST_BET."""
    return np.asarray(2.0 * math.log(1.0 / BET_ALPHA) / np.log1p(np.arange(t + 1, t + rows + 1, dtype=np.float64)))


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
        if not len(weight):
            return self
        low, high = self.reward
        scaled = weight * ((reward - low) / (high - low))
        growth = clock(self.lower.t, len(weight))
        return Sequence(self.reward, self.lower.extend(scaled, growth), self.upper.extend(weight - scaled, growth))

    def __add__(self, other: "Sequence") -> "Sequence":
        raise OrderError("a confidence sequence depends on the order of the rows: extend it, do not merge")
