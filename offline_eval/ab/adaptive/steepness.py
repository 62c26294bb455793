"""The largest 1/p of a cell, from sums: cells are added up, and a maximum cannot be."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POWER = 64
"""A sum of n such powers tells the largest 1/p to a factor of n^(1/64) at worst: 1.11 for 1,000 rounds."""

CEILING = 1e4
"""1/p from here on counts as unknown: its power must stay a number, and no weight as large proves anything."""

DOUBLINGS = 6


def powered(inverse: Floats, out: Floats | None = None) -> Floats:
    """min(1/p, CEILING)^POWER, by squaring six times."""
    return _to_power(np.minimum(inverse, CEILING, out=out))


def _to_power(values: Floats) -> Floats:
    """values^POWER, in place where it is an array: squaring is many times faster than a power."""
    values = np.asarray(values)
    for _ in range(DOUBLINGS):
        np.multiply(values, values, out=values)
    return values


def _root(values: Floats) -> Floats:
    """values^(1/POWER), likewise."""
    values = np.asarray(values)
    for _ in range(DOUBLINGS):
        np.sqrt(values, out=values)
    return values


def largest(count: Floats, inverse: Floats, power: Floats) -> Floats:
    """Upper bound on the largest of `count` numbers 1/p from their sum and the sum of their powers; same shapes.

    With m the largest, the others' powers sum to at least (n - 1) ((Σ 1/p - m) / (n - 1))^POWER (Jensen), so that what
    is left bounds m; where all are equal it is exact but for one or two per cent. Infinite where it is not known.
    """
    unknown = power >= CEILING**POWER * (1 - 1e-9)
    others = np.maximum(count - 1, 1.0)
    root = _root(np.where(unknown, 1.0, power))
    bound = root
    for _ in range(2):  # each step starts from an upper bound and ends at a smaller one
        scale = np.maximum(bound, 1.0)
        rest = others * _to_power(np.maximum((inverse - bound) / (others * scale), 0.0))
        whole = _to_power(root / scale)
        bound = scale * _root(np.maximum(whole - rest, 1e-12))
    return np.asarray(np.where(unknown, np.inf, bound))
