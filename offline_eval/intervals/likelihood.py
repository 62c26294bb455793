"""Empirical likelihood of importance-weighted rewards: the two convex duals, batched over many logs at once."""

from dataclasses import dataclass

import numpy as np

from offline_eval.moments import Matrix

ROOT_STEPS = 200
BARRIERS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
NEWTON_STEPS = 25
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Table:
    """R logs as tables of C cells, padded with count 0.

    Attributes:
        count, weight: (R, C).
        low, high: bounds of the weight; `high` may be infinite.
    """

    count: Matrix
    weight: Matrix
    low: float
    high: float

    @property
    def n(self) -> Matrix:
        """(R,) rows."""
        return np.asarray(self.count.sum(axis=1))


def tilt(table: Table) -> Matrix:
    """(R,) β of the likeliest distribution q = c / (n + β (w - 1)) with mean weight 1, unseen weights allowed.

    Root of the decreasing Σ c (w - 1) / (n + β (w - 1)) within the β that keep every q in [0, 1]
    (Karampatziakis, Langford, Mineiro 2020, section 3), by Newton's method kept inside a shrinking bracket.
    """
    n = table.n
    lowest, highest = _bracket(table, n)
    beta = np.clip(np.zeros(len(n)), lowest, highest)
    for _ in range(ROOT_STEPS):
        slope, curve = _slope(table, n, beta)
        lowest, highest = np.where(slope > 0, beta, lowest), np.where(slope > 0, highest, beta)
        trial = beta + slope / np.maximum(curve, 1e-300)
        trial = np.where((trial > lowest) & (trial < highest), trial, 0.5 * (lowest + highest))
        settled = np.abs(trial - beta) <= 1e-15 * n
        beta = trial
        if settled.all():
            break
    return np.asarray(beta)


def _bracket(table: Table, n: Matrix) -> tuple[Matrix, Matrix]:
    seen = table.count > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = (n[:, None] - table.count) / (1.0 - table.weight)
    below = np.where(seen & (table.weight > 1), edge, -np.inf).max(axis=1)
    above = np.where(seen & (table.weight < 1), edge, np.inf).min(axis=1)
    lowest = np.maximum(below, 0.0 if np.isinf(table.high) else n / (1.0 - table.high))
    return lowest, np.minimum(above, n / (1.0 - table.low))


def _slope(table: Table, n: Matrix, beta: Matrix) -> tuple[Matrix, Matrix]:
    """The sum whose root is sought, and minus its derivative."""
    shift = table.weight - 1.0
    denominator = n[:, None] + beta[:, None] * shift
    ratio = shift / np.where((table.count > 0) & (denominator > 0), denominator, np.inf)
    weighted = table.count * ratio
    return weighted.sum(axis=1), (weighted * ratio).sum(axis=1)


def lower_values(table: Table, beta: Matrix, term: Matrix, slack: Matrix) -> Matrix:
    """(R,) least mean of `term` (R, C) >= 0, unseen terms being 0, within `slack` of the greatest log-likelihood.

    With the denominators written as a·A + b·B + term, where a, b >= 0 are their values at the ends of the weight's
    range, the dual is: maximise e^(-slack/n) · geometric mean of (denominator / likeliest denominator) - a p_a - b p_b.
    It is concave; solved by Newton's method under a falling logarithmic barrier. The result is below the optimum by at
    most 2e-10.
    """
    dual = _Dual.of(table, beta, term, slack)
    theta = dual.start(term)
    for barrier in BARRIERS:
        theta = _climb(dual, theta, barrier)
    return dual.value(theta)


@dataclass(frozen=True, slots=True)
class _Dual:
    share: Matrix
    ends: Matrix
    price: Matrix
    term: Matrix
    offset: Matrix
    likeliest: Matrix
    slack: Matrix

    @classmethod
    def of(cls, table: Table, beta: Matrix, term: Matrix, slack: Matrix) -> "_Dual":
        n = table.n
        share = table.count / n[:, None]
        seen = share > 0
        scale = np.sqrt(np.maximum((share * table.weight**2).sum(axis=1), 1.0))
        rise = (table.weight - table.low) / scale[:, None]
        span = table.high - table.low
        fall = np.ones_like(rise) if np.isinf(span) else (table.high - table.weight) / span
        ends = np.where(seen[..., None], np.stack([fall, rise], axis=-1), 1.0)
        price_low = 1.0 if np.isinf(span) else (table.high - 1.0) / span
        price = np.stack([np.full(len(n), price_low), (1.0 - table.low) / scale], axis=-1)
        likeliest = np.where(seen, 1.0 + beta[:, None] / n[:, None] * (table.weight - 1.0), 1.0)
        offset = -slack / n - (share * np.log(np.maximum(likeliest, 1e-300))).sum(axis=1)
        low_end = 1.0 + beta / n * (table.low - 1.0)
        high_end = scale * (beta / n if np.isinf(span) else (1.0 + beta / n * (table.high - 1.0)) / span)
        likeliest_ends = np.stack([low_end, high_end], axis=-1)
        return cls(share, ends, price, np.where(seen, term, 1.0), offset, likeliest_ends, slack / n)

    def start(self, term: Matrix) -> Matrix:
        """Near the optimum of the quadratic approximation: the likeliest denominators, times √(variance / 2 slack)."""
        mean = (self.share * term).sum(axis=1)
        variance = (self.share * term**2).sum(axis=1) - mean**2
        reach = np.sqrt(np.maximum(variance, 1e-6) / (2.0 * self.slack))
        return np.asarray(np.maximum(self.likeliest, 1e-3) * reach[:, None])

    def denominator(self, theta: Matrix) -> Matrix:
        ends = np.einsum("rcj,rj->rc", self.ends, theta)
        return np.asarray(ends + self.term)

    def value(self, theta: Matrix) -> Matrix:
        mean = np.exp(self.offset + (self.share * np.log(self.denominator(theta))).sum(axis=1))
        return np.asarray(mean - (self.price * theta).sum(axis=1))

    def step(self, theta: Matrix, barrier: float) -> tuple[Matrix, Matrix]:
        """Newton's step (R, 2) and the gain (R,) it promises."""
        below = self.denominator(theta)
        mean = np.exp(self.offset + (self.share * np.log(below)).sum(axis=1))[:, None]
        ratio = self.share / below
        slope = np.einsum("rc,rcj->rj", ratio, self.ends)
        bend = np.einsum("rc,rcj,rck->rjk", ratio / below, self.ends, self.ends, optimize=False)
        gradient = mean * slope - self.price + barrier / theta
        hessian = mean[..., None] * (slope[:, :, None] * slope[:, None, :] - bend)
        first, second = hessian[:, 0, 0] - barrier / theta[:, 0] ** 2, hessian[:, 1, 1] - barrier / theta[:, 1] ** 2
        cross = hessian[:, 0, 1]
        determinant = np.maximum(first * second - cross**2, 1e-300)
        move = np.stack(
            [cross * gradient[:, 1] - second * gradient[:, 0], cross * gradient[:, 0] - first * gradient[:, 1]], -1
        )
        move /= determinant[:, None]
        return move, (gradient * move).sum(axis=1)


def _climb(dual: _Dual, theta: Matrix, barrier: float) -> Matrix:
    def score(at: Matrix) -> Matrix:
        return np.asarray(dual.value(at) + barrier * np.log(at).sum(axis=1))

    current = score(theta)
    for _ in range(NEWTON_STEPS):
        move, gain = dual.step(theta, barrier)
        if np.all(gain < barrier * 1e-2):
            break
        length = np.minimum(1.0, 0.9 / np.maximum((-move / theta).max(axis=1), 1e-300))
        for _ in range(HALVINGS):
            trial = theta + length[:, None] * move
            reached = score(trial)
            poor = ~(reached >= current + 1e-4 * length * gain) & (gain > barrier * 1e-2)
            if not poor.any():
                break
            length = np.where(poor, 0.5 * length, length)
        better = reached >= current
        theta = np.where(better[:, None], trial, theta)
        current = np.where(better, reached, current)
    return theta
