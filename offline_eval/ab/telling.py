"""Differences and their bounds as people read them: in their unit, with the same digits."""

import math
from collections.abc import Sequence

SHARES = ("points", "%")
"""Units in which a difference is told a hundredfold."""

MOST_DECIMALS = 4


def evenly(values: Sequence[float], unit: str = "", *, signed: bool = False) -> list[str]:
    """With as many decimals as give the largest three digits, and the smallest at least one; amounts of money with two.

    Decimals that are 0 in all of them are left out.

    `unit`: "points" or "%" of a share, which is told a hundredfold, or whatever the values are in.
    """
    scaled = [100.0 * value for value in values] if unit in SHARES else list(values)
    sizes = [abs(value) for value in scaled if value]
    places = [2 - _magnitude(max(sizes)), -_magnitude(min(sizes))] if sizes else [0]
    least = 2 if unit and unit not in SHARES else 0
    decimals = min(max(*places, least), MOST_DECIMALS)
    while decimals > least and all(f"{value:.{decimals}f}".endswith("0") for value in scaled):
        decimals -= 1
    return [_plain(f"{value:{'+' if signed else ''},.{decimals}f}") for value in scaled]


def with_bounds(value: float, lower: float, upper: float, unit: str = "") -> str:
    """`+1.20 EUR a decision (+0.45 to +1.95)`."""
    told, least, most = evenly((value, lower, upper), unit, signed=True)
    return f"{told} {unit}".rstrip() + f" ({least} to {most})"


def _magnitude(value: float) -> int:
    """The power of ten of the first digit."""
    return math.floor(math.log10(value))


def _plain(text: str) -> str:
    """Nothing has no sign."""
    return text.lstrip("+-") if not text.strip("+-0.,") else text
