"""Several comparisons at once: adjusted p-values by name. To add one: a function here, a line in ADJUSTMENTS."""

from collections.abc import Callable, Mapping

Adjustment = Callable[[Mapping[str, float]], dict[str, float]]
"""p-value by name → adjusted p-value by name, in the same order."""


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Family-wise error under any dependence: max_{j ≤ i} min(1, (m - j + 1) p₍ⱼ₎). Holm (1979), Scand. J. Stat. 6."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted, highest = {}, 0.0
    for rank, name in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - rank) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """False-discovery rate, independent or positively dependent tests: min_{j ≥ i} m p₍ⱼ₎ / j.

    Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300; Benjamini & Yekutieli (2001) for the dependence.
    Always-valid p-values may be put in at any time (Johari et al. 2022, section 7).
    """
    ordered = sorted(p_values, key=lambda name: p_values[name], reverse=True)
    adjusted, lowest = {}, 1.0
    for place, name in enumerate(ordered):
        lowest = min(lowest, p_values[name] * len(ordered) / (len(ordered) - place))
        adjusted[name] = lowest
    return {name: adjusted[name] for name in p_values}


ADJUSTMENTS: dict[str, Adjustment] = {"benjamini_hochberg": benjamini_hochberg, "holm": holm}
