"""Does the lift depend on the day of the week?"""

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, tested
from offline_eval.ab.checks.days import Days, effect_of, merged_days
from offline_eval.ab.heterogeneity import Effect, heterogeneity

NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class DayOfWeek:
    """Cochran's Q over the lifts of the seven weekdays.

    Where they differ, an experiment that ends in the middle of a week over-weighs some of them.

    Attributes:
        days: see `days.Days`.
        first: weekday of day 0, Monday being 0.
    """

    name: ClassVar[str] = "day_of_week"
    claims: ClassVar[str] = (
        "warns wrongly about once in a thousand looks; one look at a time, large samples (by the law of its "
        "statistic: no table measures it, see docs/trust.md)"
    )
    blocking: ClassVar[bool] = False
    days: Days
    first: int = 0

    def __add__(self, other: "DayOfWeek") -> "DayOfWeek":
        return DayOfWeek(merged_days(self.days, other.days), self.first)

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Warning where weekdays differ."""
        effects: dict[str, Effect] = {}
        for weekday, name in enumerate(NAMES):
            pairs = [pair for day, pair in self.days.items() if (day + self.first) % 7 == weekday]
            effect = effect_of(*reduce(lambda a, b: (a[0] + b[0], a[1] + b[1]), pairs)) if pairs else None
            effects |= {name: effect} if effect else {}
        found = heterogeneity(effects)
        if found.p_value is None or len(effects) < 7:
            return CheckResult(self.name, "too_few", None, "not yet a whole week with 50 units a day in each group")
        detail = ", ".join(f"{name} {effects[name].value:+.3g}" for name in NAMES)
        return tested(self, found.p_value, alpha, f"lift by weekday: {detail}")
