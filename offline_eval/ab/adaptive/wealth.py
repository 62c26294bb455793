"""Bounds on a mean of bounded scores that hold at any look and any skewness: no burn-in, no normal approximation."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from offline_eval.ab.adaptive.cells import Floats

BETS = np.geomspace(0.002, 4.0, 20)
"""Stakes λ that are mixed, in units of 1/weight: from what suits some 10⁶ events to what suits two."""

LIKELIEST = 0.2
"""The stake that suits 250 events has the largest share, others fall off like Cauchy's density in ln λ."""

LOG_SHARES = -np.log1p(np.log(BETS / LIKELIEST) ** 2)
LOG_SHARES -= math.log(float(np.exp(LOG_SHARES).sum()))

STEPS = 60


@dataclass(frozen=True, eq=False)
class Terms:
    """Weighted scores of one side by snapshot, (T,) each.

    Attributes:
        mass: Σ weight. total: Σ weight × score.
        squares: Σ weight² (score - c)² around a centre c that was known before the snapshot.
        fall: how far weight × (score - c) can fall below 0.
    """

    mass: Floats
    total: Floats
    squares: Floats
    fall: Floats

    @cached_property
    def log_wealths(self) -> tuple[Floats, Floats]:
        """(G,) a and b, such that the logarithm of each bet's wealth against the mean m is a - b m, and -∞ if ruined.

        exp(λ (x - m) - ψ(λ f)/f² (x - c)²), ψ(u) = -ln(1 - u) - u, has an expectation of at most 1 where x has mean m
        and x - c ≥ -f, λ f < 1: Fan, Grama & Liu (2015), *Exponential inequalities for martingales with applications*,
        Electron. J. Probab. 20, lemma 4.1, in the form of Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Statist. 49,
        section 3.
        """
        fall = np.maximum(self.fall, 1e-12)
        alive = BETS * fall.max(initial=0.0) < 1.0
        u = np.minimum(BETS[:, None] * fall, 0.999)
        price = -(np.log1p(-u) + u) @ (self.squares / fall**2)
        start = np.where(alive, BETS * self.total.sum() - price, -np.inf)
        return start + LOG_SHARES, BETS * self.mass.sum()

    def log_wealth(self, mean: float) -> float:
        """ln of the mixture of all bets against "the mean is at most `mean`"."""
        start, slope = self.log_wealths
        return _mixture(start - slope * mean)

    def lower_bound(self, alpha: float) -> float:
        """The smallest mean that the wealth does not refute; -∞ where every bet is ruined or nothing was seen."""
        start, slope = self.log_wealths
        kept = np.isfinite(start) & (slope > 0)
        if not kept.any():
            return -math.inf
        start, slope, goal = start[kept], slope[kept], -math.log(alpha)
        mean = float(((start - goal) / slope).max())
        for _ in range(STEPS):  # the mixture is convex and falls: Newton's steps from the left never pass the root
            logs = start - slope * mean
            share = np.exp(logs - logs.max())
            step = (_mixture(logs) - goal) * float(share.sum()) / float(share @ slope)
            mean += step
            if step <= 1e-12 * (1 + abs(mean)):
                break
        return mean


def _mixture(logs: Floats) -> float:
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum())) if math.isfinite(top) else -math.inf
