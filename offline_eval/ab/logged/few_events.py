"""Limits of a weighted mean in [0, 1] that hold when few events stand behind it."""

from typing import NamedTuple

from scipy.special import betaincinv

from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.sums import WWYY, WY
from offline_eval.ab.scarcity import FEW

ALL = 1e15
"""As good as infinitely many."""


class Limited(NamedTuple):
    """A mean with its limits."""

    value: float
    lower: float
    upper: float


def counted_events(side: Side) -> float:
    """Events that count as such: (Σ w y)² / Σ w² y², at most as many as those of the largest weight would have to be.

    Of events or of what is missing to one, whichever are fewer. 5 events among light rows say little where a heavy one
    might have come.
    """
    rare = _rarer(side)
    if not rare.row[WWYY] > 0:
        return 0.0
    return float(min(rare.row[WY] ** 2 / rare.row[WWYY], rare.row[WWYY] / rare.largest**2))


def few(side: Side) -> bool:
    """Whether an interval that rests on large samples would be a guess."""
    return counted_events(side) < FEW


def beta_limits(side: Side, alpha: float) -> Limited:
    """Beta quantiles with the weighted mean's own number of trials; of equal weights Clopper & Pearson's (1934).

    The rule of Fay & Feuer (1997, *Confidence intervals for directly standardized rates*, Stat. Med. 16, 791-801): the
    upper limit reckons with one more event of the largest weight, so that no event at all still has one. Trials are
    events / mean as there, or those that the variance says (Korn & Graubard 1998), whichever are fewer. Covers
    at least 94 % from 1 event on, weights from 1 to 50: docs/results/readout_logs.md.
    """
    if side.mean > 0.5:
        lower, upper = _quantiles(side.mirrored(), alpha)
        return Limited(side.mean, 1 - upper, 1 - lower)
    return Limited(side.mean, *_quantiles(side, alpha))


def _rarer(side: Side) -> Side:
    return side.mirrored() if side.mean > 0.5 else side


def _quantiles(side: Side, alpha: float) -> tuple[float, float]:
    """α/2 on each side of the mean, which is at most a half."""
    total, squares, weight, most = float(side.row[WY]), float(side.row[WWYY]), side.weight, side.largest
    mean, spread = side.mean, side.spread
    by_variance = mean * (1 - mean) * weight**2 / spread if spread > 0 else ALL
    lower = 0.0
    if total > 0 and squares > 0:
        n = min(total**2 / squares / mean, by_variance)
        lower = float(betaincinv(mean * n, (1 - mean) * n + 1, alpha / 2))
    raised = (total + most) / weight
    if raised > 1:
        return lower, 1.0
    n = min((total + most) ** 2 / (squares + most**2) / raised, by_variance)
    return lower, float(betaincinv(raised * n, (1 - raised) * n + 1, 1 - alpha / 2))
