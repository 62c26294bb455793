"""The confidence set of a ratio of two means, which may be unbounded, and then says so."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Means:
    """Two estimated means with their sampling variances (of the means, not of the units) and covariance."""

    top: float
    bottom: float
    top_variance: float
    bottom_variance: float
    covariance: float = 0.0


@dataclass(frozen=True, slots=True)
class RatioSet:
    """All ratios that the data do not reject.

    Attributes:
        value: the ratio of the means; None where the denominator is 0.
        lower, upper: borders of a bounded set; None where it is unbounded.
        outside: (a, b) where the set is everything up to a and everything from b on; None otherwise.
    """

    value: float | None
    lower: float | None
    upper: float | None
    outside: tuple[float, float] | None = None

    @property
    def bounded(self) -> bool:
        """Whether the denominator is distinguishable from 0."""
        return self.lower is not None

    def mapped(self, change: Callable[[float], float]) -> "RatioSet":
        """The set with every number changed."""
        value, lower, upper = (None if each is None else change(each) for each in (self.value, self.lower, self.upper))
        outside = None if self.outside is None else (change(self.outside[0]), change(self.outside[1]))
        return RatioSet(value, lower, upper, outside)


def fieller(means: Means, critical: float) -> RatioSet:
    """{θ : (top - θ bottom)² ≤ critical² Var(top - θ bottom)}: Fieller (1954), J. R. Stat. Soc. B 16, 175-185.

    With `critical` of a fixed-look test this is a confidence set; with that of a confidence sequence it stays one under
    peeking, because each θ is tested by the same linear statistic.
    """
    value = means.top / means.bottom if means.bottom else None
    square = critical * critical
    a = means.bottom**2 - square * means.bottom_variance
    half_b = means.top * means.bottom - square * means.covariance
    c = means.top**2 - square * means.top_variance
    root = half_b * half_b - a * c
    if a > 0:
        spread = math.sqrt(max(root, 0.0))
        return RatioSet(value, (half_b - spread) / a, (half_b + spread) / a)
    if root <= 0 or a == 0:
        return RatioSet(value, None, None)
    spread = math.sqrt(root)
    return RatioSet(value, None, None, ((half_b + spread) / a, (half_b - spread) / a))


def relative_lift(means: Means, critical: float) -> RatioSet:
    """Fieller's set of (top - bottom) / |bottom|: above 0 where the top is higher, whatever the bottom's sign.

    Value None where the bottom is 0; no bounds where it cannot be told from 0, and with it its sign.
    """
    found = fieller(means, critical)
    if found.value is None:
        return found
    if means.bottom > 0:
        return found.mapped(lambda ratio: ratio - 1)
    turned = found.mapped(lambda ratio: 1 - ratio)
    outside = None if turned.outside is None else (turned.outside[1], turned.outside[0])
    return RatioSet(turned.value, turned.upper, turned.lower, outside)


def relative_lift_between(means: Means, criticals: tuple[float, float]) -> RatioSet:
    """`relative_lift` with a critical value of its own for each bound; unbounded where one of the two sets is.

    A lift below (above) the estimate is tested as the lower (upper) bound of the difference is, so that 0 is in the set
    exactly when it is in the difference's interval.
    """
    low = relative_lift(means, criticals[0])
    if criticals[0] == criticals[1] or not low.bounded:
        return low
    high = relative_lift(means, criticals[1])
    return RatioSet(low.value, low.lower, high.upper) if high.bounded else high


def delta_variance(means: Means) -> float:
    """Variance of top / bottom to first order: (Var t - 2 r Cov + r² Var b) / b². Needs bottom ≠ 0."""
    ratio = means.top / means.bottom
    spread = means.top_variance - 2 * ratio * means.covariance + ratio * ratio * means.bottom_variance
    return max(spread, 0.0) / means.bottom**2
