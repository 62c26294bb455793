"""One side's weighted mean, and why it has no bounds where it has none."""

from dataclasses import replace

from scipy.special import stdtrit

from offline_eval.ab.contrast import NO_VARIATION
from offline_eval.ab.logged.asking import BY_UNIT, EXACT, EXACT_BY_UNIT, HAJEK, Ask, limits_of
from offline_eval.ab.logged.few_events import few
from offline_eval.ab.logged.people import LEAST_FREEDOM
from offline_eval.ab.logged.side import Side
from offline_eval.ab.logged.skewed import stretched, why_withheld
from offline_eval.ab.logged.variances import known_of, skews_of
from offline_eval.estimate import Estimate


def weighted_mean(side: Side, ask: Ask) -> Estimate:
    """One side's mean; without bounds where too little stands behind them, value None without rows."""
    by_unit = side.people is not None
    if not side.n or side.weight <= 0:
        return Estimate(None, None, None, 0, 0.0, BY_UNIT if by_unit else HAJEK, ask.alpha)
    bare = Estimate(side.mean, None, None, side.n, side.effective, BY_UNIT if by_unit else HAJEK, ask.alpha)
    known = known_of((side,))
    if ask.bounds is not None and (by_unit or few(side.scaled(ask.bounds)) or not known.variances[0]):
        limits = limits_of(side, ask.bounds, ask.alpha)
        return replace(bare, lower=limits.lower, upper=limits.upper, method=EXACT_BY_UNIT if by_unit else EXACT)
    if known.freedom < LEAST_FREEDOM or not known.variances[0] or (ask.bounds is None and why_withheld((side,))):
        return bare
    critical, error = float(stdtrit(known.freedom, 1 - ask.alpha / 2)), known.variances[0] ** 0.5
    skew = 0.0 if ask.bounds else skews_of(known, (side,), 1.0)[0]
    low, high = (side.mean + sign * stretched(critical, sign * skew) * error for sign in (-1, 1))
    found = replace(bare, lower=low, upper=high)
    return found.held_within(*ask.bounds) if ask.bounds else found


def why_boundless(side: Side, ask: Ask) -> str:
    """Why `weighted_mean` gives no bounds, where it gives none."""
    if not side.n or side.weight <= 0:
        return "no rows"
    known = known_of((side,))
    if known.freedom < LEAST_FREEDOM:
        return few_behind(known.people, side.people is not None)
    if ask.bounds is None and (why := why_withheld((side,))):
        return why
    return NO_VARIATION


def few_behind(people: int, by_unit: bool) -> str:
    """That nothing tells how much rows, or units that have several, vary."""
    if not by_unit:
        return "too few: one row in an arm"
    told = "one unit" if people == 1 else f"one or two of {people} units"
    return f"too few people: nearly all rows come from {told}"
