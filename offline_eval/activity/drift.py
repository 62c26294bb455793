"""How far a distribution over groups has moved."""

from collections.abc import Mapping
from math import log


def population_stability(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Population stability index Σ (q - p) ln(q / p) of shares p before, q after; each group has half a unit more.

    It is the symmetric Kullback-Leibler divergence (Jeffreys 1946). The usual reading: below 0.1 no change to speak
    of, above 0.25 another population.
    """
    groups = {*before, *after}
    total_before = sum(before.values()) + 0.5 * len(groups)
    total_after = sum(after.values()) + 0.5 * len(groups)
    moved = 0.0
    for group in groups:
        p = (before.get(group, 0) + 0.5) / total_before
        q = (after.get(group, 0) + 0.5) / total_after
        moved += (q - p) * log(q / p)
    return moved
