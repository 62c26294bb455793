"""Sample size, power, least detectable effect and duration of a fixed test."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import scipy
from scipy.special import ndtr, ndtri

from offline_eval.ab.bounded import Pull, at_every_look
from offline_eval.ab.sequential import mixture_critical
from offline_eval.planning.errors import PlanError
from offline_eval.planning.informative import units_until_informative
from offline_eval.planning.metrics import CappedMetric, PlannedMetric, ProportionMetric

LARGEST = 1e12
"""Units beyond which no plan is made."""


@dataclass(frozen=True, slots=True)
class FixedTest:
    """A test of `arms` treatments against one control.

    Attributes:
        effect: difference to be found, in the metric's unit; not 0.
        power: chance of finding it.
        alpha: chance of finding something in any arm where there is nothing; shared among arms (Bonferroni).
        arms: treatments; together they get `treated_share` of the units, in equal parts.
        audience: as many units as there are; None: enough.
        per_day: units that come in a day; None: no duration.
        peeking: whether it will be looked at before the end, with the always-valid sequence.
    """

    metric: PlannedMetric
    effect: float
    power: float = 0.8
    alpha: float = 0.05
    arms: int = 1
    treated_share: float = 0.5
    audience: int | None = None
    per_day: float | None = None
    peeking: bool = False


@dataclass(frozen=True, slots=True)
class FixedPlan:
    """What the test takes.

    Attributes:
        n: units in all groups together.
        treated: in each arm; control: in the control.
        power: with `n`, at least what was asked unless the audience is too small.
        detectable: the least effect that would be found with the asked power.
        days: whole days; None without a pace. weeks: days rounded up to whole weeks, so that weekdays weigh alike.
        informative_n: units in all from which each group is likely to have the 50 events that large-sample intervals
            need; before, bounds are those that hold at any count, which are wide. None where it is no share.
        informative_days: likewise in days; None without a pace.
    """

    n: int
    treated: int
    control: int
    power: float
    detectable: float | None
    days: int | None
    weeks: int | None
    note: str
    informative_n: int | None = None
    informative_days: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        sizes = {"n": self.n, "treated": self.treated, "control": self.control, "power": self.power}
        informative = {"informative_n": self.informative_n, "informative_days": self.informative_days}
        told = {"detectable": self.detectable, "days": self.days, "weeks": self.weeks, "note": self.note}
        return sizes | told | informative


def plan_fixed(test: FixedTest) -> FixedPlan:
    """The smallest test with the asked power, or the best that the audience allows. Raises PlanError.

    Normal approximation, both tails counted. No finite-population correction: the variance of a difference between
    randomised groups of one finite audience does not shrink with it in any way that can be known (Neyman 1923).
    """
    _check(test)
    needed = _solve(lambda n: power_of(test, n) - test.power)
    if needed is None:
        raise PlanError({"/effect": f"{test.effect:g} is too small to be found with any number of units"})
    wanted = math.ceil(needed - 1e-6)
    n = min(wanted, test.audience) if test.audience else wanted
    informative = _informative(test)
    control = math.ceil(n * (1 - test.treated_share) - 1e-6)
    return FixedPlan(
        n,
        (n - control) // test.arms,
        control,
        power_of(test, n),
        detectable(test, n),
        _days(test, n),
        math.ceil(n / test.per_day / 7) if test.per_day else None,
        _note(test, wanted, n, informative),
        informative,
        _days(test, informative),
    )


def _days(test: FixedTest, n: int | None) -> int | None:
    return math.ceil(n / test.per_day) if test.per_day and n is not None else None


def _informative(test: FixedTest) -> int | None:
    if not isinstance(test.metric, ProportionMetric):
        return None
    rates = test.metric.base + test.effect, test.metric.base
    shares = test.treated_share / test.arms, 1 - test.treated_share
    return units_until_informative(rates, shares) or None


def power_of(test: FixedTest, n: float) -> float:
    """Chance that the interval of one arm excludes 0 with n units in all; under peeking, at the last look alone.

    Under peeking that is a lower bound of the chance that it ever does.
    """
    treated = n * test.treated_share / test.arms
    control = n * (1 - test.treated_share)
    spread = test.metric.variances(test.effect)
    error = (spread[0] / treated + spread[1] / control) ** 0.5
    z, critical = abs(test.effect) / error, critical_value(test, treated, control)
    return float(ndtr(z - critical) + ndtr(-z - critical))


def critical_value(test: FixedTest, treated: float, control: float) -> float:
    """In standard errors, at the arm's share of alpha: that of the sequence which the readout will show.

    Of a capped metric that within limits (see `offline_eval.ab.bounded`), else the asymptotic one.
    """
    alpha = test.alpha / test.arms
    if not test.peeking:
        return -float(ndtri(alpha / 2))
    if isinstance(test.metric, CappedMetric):
        return _within_cap(test, test.metric, (treated, control), alpha)
    return mixture_critical(4 / (1 / treated + 1 / control), alpha)


def _within_cap(test: FixedTest, metric: CappedMetric, sizes: tuple[float, float], alpha: float) -> float:
    spread, (treated, control) = metric.variances(test.effect), sizes
    means = min(max(metric.base + test.effect, 0.0), metric.cap), metric.base
    top, bottom = (Pull((metric.cap - mean) / n, mean / n) for mean, n in zip(means, sizes, strict=True))
    variance = spread[0] / treated + spread[1] / control
    sides = at_every_look(variance, Pull.of_difference(top, bottom), alpha)
    return float((sides.below if test.effect > 0 else sides.above) / variance**0.5)


def detectable(test: FixedTest, n: int) -> float | None:
    """The least effect, of the test's sign, that n units find with the asked power; None where there is none."""
    sign = 1.0 if test.effect > 0 else -1.0

    def excess(size: float) -> float:
        try:
            return power_of(replace(test, effect=sign * size), n) - test.power
        except PlanError:
            return 1.0

    low, high = abs(test.effect) * 1e-9, abs(test.effect)
    while excess(high) < 0:
        high *= 2
        if high > LARGEST * abs(test.effect):
            return None
    found = sign * float(scipy.optimize.brentq(excess, low, high, xtol=abs(test.effect) * 1e-12))
    try:
        test.metric.variances(found)
    except PlanError:
        return None
    return found


def _solve(excess: Callable[[float], float]) -> float | None:
    low, high = 1e-3, 16.0
    while excess(high) < 0:
        high *= 2
        if high > LARGEST:
            return None
    return float(scipy.optimize.brentq(excess, low, high, rtol=1e-14)) if excess(low) < 0 else low


def _check(test: FixedTest) -> None:
    rules = {
        "/effect": (test.effect == 0 or not math.isfinite(test.effect), "must not be 0"),
        "/power": (not 0 < test.power < 1, "lies within (0, 1)"),
        "/alpha": (not 0 < test.alpha < 1, "lies within (0, 1)"),
        "/arms": (test.arms < 1, "at least one treatment"),
        "/treated_share": (not 0 < test.treated_share < 1, "lies within (0, 1)"),
        "/audience": (test.audience is not None and test.audience < 2, "at least two units"),
        "/per_day": (test.per_day is not None and test.per_day <= 0, "must be positive"),
    }
    faults = {pointer: sentence for pointer, (wrong, sentence) in rules.items() if wrong}
    if not 0 < test.alpha < test.power < 1:
        faults.setdefault("/power", "must exceed alpha")
    if faults:
        raise PlanError(faults)
    test.metric.variances(test.effect)


def _note(test: FixedTest, wanted: int, n: int, informative: int | None) -> str:
    rare = ""
    if informative is not None and informative > n:
        rare = f"; events are rare: until some {informative:,} units have come, bounds are wide and find less than this"
    if test.audience and wanted > test.audience:
        return f"the audience of {test.audience:,} is too small: {wanted:,} units would be needed{rare}"
    if test.peeking:
        early = (
            "may be looked at at any time and stopped as soon as the interval excludes 0; on average that is earlier"
        )
        return early + rare
    return f"one look, at the end{rare}"
