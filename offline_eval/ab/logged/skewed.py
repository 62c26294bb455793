"""Means of amounts without a known range: how far a skewed tail may mislead, and when it says nothing."""

import math

import numpy as np

from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.sums import EVENTS, NEGATIVE, TOP, WWW, WWWY, WWWYY, WWWYYY, WWYY, WY
from offline_eval.ab.scarcity import FEW

MANY = 300
"""Amounts from which on their own moments tell enough of how skewed they are."""

EVEN = 2.0
"""Squared coefficient of variation up to which fewer amounts do."""

HEAVY, HEAVY_APART = 1.75, 1.3
"""Tail index of a mean's, or of a difference's amounts below which it gets no bounds.

Below 2 a power law has no variance. In a difference the two arms' tails mislead in opposite directions, so that it
bears more.
"""

REMEDY = "cap the amounts at a value chosen before they were seen, or state objective.range"


def why_withheld(sides: tuple[Side, ...]) -> str:
    """Why the mean of an amount gets no bounds; "" where it does."""
    events = min(int(side.row[EVENTS]) for side in sides)
    if events < FEW:
        return f"too few: {events} amounts of the {FEW} that each arm needs"
    if any(tail_index(side) < (HEAVY if len(sides) == 1 else HEAVY_APART) for side in sides):
        return f"no bounds: so few rows make up so much of the sum that its spread cannot be known; {REMEDY}"
    if events < MANY and any(_variation(side) > EVEN for side in sides):
        return f"too few: {events} amounts of the {MANY} that each arm needs where amounts differ as much; {REMEDY}"
    return ""


def tail_index(side: Side) -> float:
    """Hill (1975), Ann. Statist. 3, 1163-1174, over the largest tenth of the weighted amounts, at least 10, at most 63.

    Below 2 a tail has no variance, if it is a power law; a log-normal tail of σ = 1.5 looks like one of 1.4.
    """
    used = int(min(max(10, side.row[EVENTS] // 10), TOP - 1))
    largest = np.sort(side.top)[::-1][: used + 1]
    if largest[used] <= 0:
        return math.inf
    gap = float(np.log(largest[:used] / largest[used]).mean())
    return 1 / gap if gap > 0 else math.inf


def third_moment(side: Side) -> float:
    """Σ w³ (y - mean)³, or what it would be if amounts were log-normal with the mean and the variance that they have.

    The sample's own third moment is too small until the tail was seen: of the two the larger counts (in size).
    """
    row, m = side.row, side.mean
    raw = max(float(abs(row[WWWYYY])), _likely(side))
    signed = math.copysign(raw, float(row[WWWYYY]))
    return float(signed - 3 * m * row[WWWYY] + 3 * m * m * row[WWWY] - m**3 * row[WWW])


def stretched(critical: float, skew: float) -> float:
    """The critical value on the side where skewed data mislead: c + skew (2c² + 1) / 6; the other is left as it is.

    First order of the Edgeworth expansion of a studentised mean: Hall (1992), *On the removal of skewness by
    transformation*, J. R. Stat. Soc. B 54, 221-228.
    """
    return critical + max(skew, 0.0) * (2 * critical**2 + 1) / 6


def shrunk(z: float, skew: float) -> float:
    """The inverse of `stretched`: what is left of |z|."""
    if skew < 1e-9:
        return abs(z)
    a = skew / 3
    return max((math.sqrt(1 + 4 * a * max(abs(z) - skew / 6, 0.0)) - 1) / (2 * a), 0.0)


def _likely(side: Side) -> float:
    """E|y|³ of a log-normal amount is μ³ q³ with q = E y² / μ²; amounts of both signs have no such relation."""
    row, events = side.row, float(side.row[EVENTS])
    if not events or row[WY] == 0 or 0 < row[NEGATIVE] < events:
        return 0.0
    mean = abs(float(row[WY])) / events
    return float(row[WWYY]) * mean * (float(row[WWYY]) / events / mean**2) ** 2


def _variation(side: Side) -> float:
    """Squared coefficient of variation of the weighted amounts, of both signs by their size about 0."""
    row, events = side.row, float(side.row[EVENTS])
    if not events or 0 < row[NEGATIVE] < events:
        return 0.0
    mean = float(row[WY]) / events
    return float(row[WWYY]) / events / mean**2 - 1
