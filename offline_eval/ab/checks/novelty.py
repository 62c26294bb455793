"""Does the lift wear off (or grow) from day to day?"""

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import ndtr

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, tested
from offline_eval.ab.checks.days import Days, effect_of, merged_days


@dataclass(frozen=True, slots=True)
class Novelty:
    """Slope of the daily lift over the days, weighted by precision: z-test of "no trend".

    Kohavi, Tang & Xu (2020), *Trustworthy online controlled experiments*, ch. 3, on novelty and primacy. A trend means
    that the average over the experiment is not what will be earned later.

    Attributes:
        days: see `days.Days`.
    """

    name: ClassVar[str] = "novelty"
    claims: ClassVar[str] = (
        "warns wrongly about once in a thousand looks; one look at a time, large samples (by the law of its "
        "statistic: no table measures it, see docs/trust.md)"
    )
    blocking: ClassVar[bool] = False
    days: Days

    def __add__(self, other: "Novelty") -> "Novelty":
        return Novelty(merged_days(self.days, other.days))

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Warning where the lift has a trend."""
        found = {day: effect for day, pair in self.days.items() if (effect := effect_of(*pair))}
        if len(found) < 3:
            return CheckResult(self.name, "too_few", None, "fewer than three days with 50 units in each group")
        weight = sum(1 / effect.variance for effect in found.values())
        middle = sum(day / effect.variance for day, effect in found.items()) / weight
        spread = sum((day - middle) ** 2 / effect.variance for day, effect in found.items())
        slope = sum((day - middle) * effect.value / effect.variance for day, effect in found.items()) / spread
        p_value = 2 * float(ndtr(-abs(slope) * spread**0.5))
        return tested(self, p_value, alpha, f"the lift changes by {slope:+.3g} a day over {len(found)} days")
