"""One proportion's exact limits, and what two proportions' limits say of their difference and ratio."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from scipy.special import betaincinv

from offline_eval.ab.contrast import CONTROL_AT_ZERO, CONTROL_MAY_BE_ZERO, Contrast, Rule, Sizes, unknown


@dataclass(frozen=True, slots=True)
class Proportion:
    """`events` among `n`, with limits. Both may be fractions: of weighted units."""

    events: float
    n: float
    lower: float
    upper: float

    @property
    def value(self) -> float:
        """The observed share."""
        return self.events / self.n if self.n else 0.0


def clopper_pearson(events: float, n: float, alpha: float) -> Proportion:
    """Exact limits, α/2 on each side: Clopper & Pearson (1934), Biometrika 26, 404-413. n = 0 gives [0, 1]."""
    lower = float(betaincinv(events, n - events + 1, alpha / 2)) if events else 0.0
    upper = float(betaincinv(events + 1, n - events, 1 - alpha / 2)) if events < n else 1.0
    return Proportion(events, n, lower, upper)


class Limits(Protocol):
    """A value with its limits."""

    @property
    def value(self) -> float:
        """The estimate."""
        ...

    @property
    def lower(self) -> float:
        """Its lower limit."""
        ...

    @property
    def upper(self) -> float:
        """Its upper limit."""
        ...


def difference_bounds(top: Limits, bottom: Limits) -> tuple[float, float]:
    """MOVER bounds of top - bottom: p₁ - p₀ ∓ √((p₁ - l₁)² + (u₀ - p₀)²) and its mirror (Zou & Donner 2008, eq. 3)."""
    gap = top.value - bottom.value
    down = ((top.value - top.lower) ** 2 + (bottom.upper - bottom.value) ** 2) ** 0.5
    up = ((top.upper - top.value) ** 2 + (bottom.value - bottom.lower) ** 2) ** 0.5
    return gap - down, gap + up


def ratio_bounds(top: Limits, bottom: Limits) -> tuple[float, float | None]:
    """MOVER bounds of top / bottom (Donner & Zou 2012); None where unbounded: the denominator's lower limit is 0."""
    lower = _root(top.value, top.lower, bottom.value, bottom.upper, -1.0)
    upper = None if bottom.lower == 0 else _root(top.value, top.upper, bottom.value, bottom.lower, 1.0)
    return max(lower, 0.0), upper


def proportions_contrast(
    pair: tuple[Proportion, Proportion], sizes: Sizes, rule: Rule, p_value: float | None
) -> Contrast:
    """Treated minus control and their ratio, from both proportions' limits."""
    top, bottom = pair
    found = unknown(sizes, rule, top.value - bottom.value, "")
    lower, upper = difference_bounds(top, bottom)
    absolute = replace(found.absolute, lower=lower, upper=upper)
    if not bottom.events:
        return Contrast(absolute, found.relative, p_value, CONTROL_AT_ZERO)
    least, most = ratio_bounds(top, bottom)
    above, note = (None, CONTROL_MAY_BE_ZERO) if most is None else (most - 1, "")
    relative = replace(found.relative, value=top.value / bottom.value - 1, lower=least - 1, upper=above)
    return Contrast(absolute, relative, p_value, note)


def _root(top: float, top_limit: float, bottom: float, bottom_limit: float, side: float) -> float:
    product, scale = top * bottom, bottom_limit * (2 * bottom - bottom_limit)
    excess = top_limit * (2 * top - top_limit)
    spread = math.sqrt(max(product * product - excess * scale, 0.0))
    if scale == 0:
        return excess / (2 * product) if product else 0.0
    return (product + side * spread) / scale
