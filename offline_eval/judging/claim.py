"""At which confidence values and differences are told, and by which interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offline_eval.estimate import Estimate
from offline_eval.intervals import INTERVALS
from offline_eval.intervals.evidence import MissingEvidenceError
from offline_eval.intervals.known import Bounds, Known
from offline_eval.intervals.rule import is_bounded, is_light, is_light_for_pairs
from offline_eval.ope import ESTIMATORS
from offline_eval.ope.difference import PAIRED, Joint, difference
from offline_eval.ope.errors import NoSupportError
from offline_eval.ope.evaluate import estimate, known_of
from offline_eval.ope.gather import Statistics

Sides = tuple[Statistics, Statistics]

NEEDS_RANGE = frozenset({"empirical_bernstein", "cressie_read", "empirical_likelihood", "merged_cs", "gamma"})
"""Intervals that hold only where the rewards' range is known."""


class UnknownIntervalError(Exception):
    """An interval that is not there, or that this log or these estimators cannot have; the message says which can."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What every interval of a replay claims.

    Attributes:
        alpha: one minus the coverage of each.
        interval: name in INTERVALS; None: each estimator's own rule.
        anytime: hold at every look at a growing log, not at one.
    """

    alpha: float = 0.05
    interval: str | None = None
    anytime: bool = False

    def value(self, name: str, statistics: Statistics, bounds: Bounds) -> Estimate:
        """A policy's value; without support a value of None, never a number."""
        chosen = self.interval
        if self.anytime and chosen is None:
            chosen = anytime_interval(name, known_of(statistics, bounds))
        try:
            return estimate(name, statistics, bounds, chosen, self.alpha)
        except NoSupportError:
            return Estimate(None, None, None, statistics.weights.n, 0.0, f"{name}+no_support", self.alpha)
        except MissingEvidenceError as error:
            raise UnknownIntervalError(f"'{chosen}' cannot be computed for '{name}': {error}") from error

    def values(self, statistics: Statistics, names: Sequence[str], bounds: Bounds) -> dict[str, Estimate]:
        """Every named estimator."""
        return {name: self.value(name, statistics, bounds) for name in names}

    def difference(self, name: str, joint: Joint | None, sides: Sides, bounds: Bounds) -> Estimate:
        """First minus second policy; None without support, and exactly zero where they are the same."""
        first = sides[0]
        if joint is None:
            n, worth = first.weights.n, first.weights.effective_n
            return Estimate(0.0, 0.0, 0.0, n, worth, f"{name}-difference+same", self.alpha)
        try:
            return self._difference(name, joint, sides, bounds)
        except NoSupportError:
            return Estimate(None, None, None, first.weights.n, 0.0, f"{name}-difference+no_support", self.alpha)

    def _difference(self, name: str, joint: Joint, sides: Sides, bounds: Bounds) -> Estimate:
        chosen = self.interval
        if self.anytime and chosen is None:
            chosen = anytime_for_pairs(name, [known_of(side, bounds) for side in sides])
        if chosen is None or chosen in PAIRED:
            return difference(name, joint, sides, bounds, chosen, self.alpha)
        paired = difference(name, joint, sides, bounds, "trivial", self.alpha)
        return apart(paired, self._sides(name, sides, bounds), chosen)

    def _sides(self, name: str, sides: Sides, bounds: Bounds) -> list[Estimate]:
        half = Claim(self.alpha / 2, self.interval, self.anytime)
        return [half.value(name, side, bounds) for side in sides]


def apart(paired: Estimate, sides: Sequence[Estimate], interval: str) -> Estimate:
    """The point of the paired difference with the bounds of two intervals that hold together (Bonferroni)."""
    first, second = sides
    lower = _minus(first.lower, second.upper, paired.lower, max)
    upper = _minus(first.upper, second.lower, paired.upper, min)
    name = paired.method.partition("-difference")[0]
    return Estimate(
        paired.value, lower, upper, paired.n, paired.effective_n, f"{name}-difference+{interval}", paired.alpha
    )


def _minus(
    value: float | None, other: float | None, widest: float | None, tighter: Callable[[float, float], float]
) -> float | None:
    """value - other, no further out than what is possible; an unknown bound stays that."""
    if value is None or other is None:
        return widest
    return value - other if widest is None else tighter(value - other, widest)


def anytime_interval(name: str, known: Known) -> str:
    """The interval of a value that holds at every look, or `trivial` where none was measured to.

    Bounded rewards and independent rows: `merged_cs`, which is not asymptotic. Else `asymptotic_cs` where rewards are
    bounded and weights light; with unbounded rewards its peeked coverage was measured at 74 %.
    """
    if not is_bounded(known):
        return "trivial"
    if "merged_cs" in ESTIMATORS[name].intervals and not known.clustered:
        return "merged_cs"
    return "asymptotic_cs" if is_light(known) else "trivial"


def anytime_for_pairs(name: str, known: Sequence[Known]) -> str:
    """The same for a difference: paired where both sides' weights are light, else from both sides' own."""
    if not all(map(is_bounded, known)):
        return "trivial"
    return (
        "asymptotic_cs"
        if all(is_light_for_pairs(each.weights, each.effect) for each in known)
        else anytime_interval(name, known[0])
    )


def estimators_for(claim: Claim, names: Sequence[str], bounds: Bounds, *, named: bool) -> tuple[str, ...]:
    """The estimators that can have such intervals; where they were `named`, all of them must.

    Raises UnknownIntervalError saying what can be had instead.
    """
    if not 0.0 < claim.alpha <= 0.5:
        raise UnknownIntervalError(f"alpha {claim.alpha:g}: must lie above 0 and be at most 0.5")
    if claim.interval is None:
        return tuple(names)
    _check_interval(claim, bounds)
    able = tuple(name for name in names if claim.interval in ESTIMATORS[name].intervals)
    wrong = next((name for name in names if name not in able), None)
    if not able or (named and wrong):
        found = ESTIMATORS[wrong or names[0]].intervals
        valid = ", ".join(each for each in found if not INTERVALS[each].order_dependent)
        raise UnknownIntervalError(f"'{claim.interval}' does not hold for '{wrong}'; what does: {valid}")
    return able


def _check_interval(claim: Claim, bounds: Bounds) -> None:
    name = str(claim.interval)
    if name not in INTERVALS:
        raise UnknownIntervalError(f"unknown interval '{name}'; known: {', '.join(INTERVALS)}")
    if INTERVALS[name].order_dependent:
        raise UnknownIntervalError(
            f"'{name}' reads rows one after the other, and a replay adds parts up; merged_cs holds at any time too"
        )
    if claim.anytime and not INTERVALS[name].anytime_valid:
        anytime = (key for key, one in INTERVALS.items() if one.anytime_valid and not one.order_dependent)
        valid = ", ".join(sorted(anytime))
        raise UnknownIntervalError(f"'{name}' holds at one look only; those that hold at any time: {valid}")
    if name in NEEDS_RANGE and bounds.reward is None:
        raise UnknownIntervalError(f"'{name}' needs to know between what the objective can lie: set [objective] range")


DEFAULT = Claim()
"""95 % at one look, by each estimator's own rule."""
