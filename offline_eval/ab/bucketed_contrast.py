"""Two groups of the totals tier against each other: means clustered by unit, from sums by bucket of units."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scipy.special import stdtr

from offline_eval.ab.bounded import Pull, Sides, at_every_look, error_of
from offline_eval.ab.bucketed import Bucketed, Linearised, within_reach
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.concentration import CONCENTRATED, LEAST_FREEDOM, ONE_UNIT, student
from offline_eval.ab.contrast import ROUNDING, Contrast, Rule, contrast_of, unknown
from offline_eval.ab.exact_by_unit import exact_contrast
from offline_eval.ab.fieller import Means
from offline_eval.ab.limited import Looking, limited_contrast, sides_of
from offline_eval.ab.limits import UNLIMITED, light
from offline_eval.ab.sequential import BURN_IN, TIGHTEST_AT, mixture_critical, mixture_p_value

METHOD = "bucketed"
RUNNING = "bucketed_always_valid"


@dataclass(frozen=True, slots=True)
class Look:
    """How the groups are looked at.

    Attributes:
        running: at any time, so that the interval is an asymptotic confidence sequence; else once, Student's.
        tightest_at: where the sequence is tightest, in units of an equal split.
    """

    running: bool = True
    alpha: float = 0.05
    tightest_at: float = TIGHTEST_AT

    @property
    def method(self) -> str:
        """As in estimates."""
        return RUNNING if self.running else METHOD


def bucketed_contrast(treated: Bucketed, control: Bucketed, look: Look | None = None) -> Contrast:
    """Treated minus control, stratified by revision over the strata that both have, and the relative lift by Fieller.

    Linearised ratios as in `bucketed`; the two groups' residuals are paired by bucket, so that what they share through
    units that are in both (arms of one variant) is accounted for, and nothing is lost where they share none. Claims
    nothing between arms of a bandit. While running, and measured in docs/results/readout_money.md:

    - of a 0/1 metric, or one whose means are hardly skewed (see `light`), with 50 events (and non-events) in each
      group: the asymptotic sequence (see `sequential`) in units;
    - within limits, the sequence of `bounded`, whatever the skewness and however few the events;
    - else no bounds, and the note says what is missing. The same holds at one look.

    At one look Student's, with limits longer by what `bounded` says, and by that sequence below 50 events; of a 0/1
    metric with fewer events and several decisions a unit, from exact limits of both means (see `exact_by_unit`).
    Variances are times (t / z)² for the degrees of freedom: B - 1, or the effective ones where units have several
    decisions (see `concentration`); where those are below one there are no bounds.
    """
    return linearised_contrast(Linearised.of(treated), Linearised.of(control), look or Look())


def linearised_contrast(treated: Linearised, control: Linearised, look: Look) -> Contrast:
    """`bucketed_contrast` of groups that are compared more than once, never beyond what is possible."""
    pair = Paired.of(treated, control)
    found = _contrast(pair, look)
    return found if pair.possible is None else replace(found, absolute=within_reach(found.absolute, pair.possible))


def _contrast(pair: Paired, look: Look) -> Contrast:
    rule, sizes, means = Rule(0.0, look.alpha, look.method), pair.sizes, pair.means
    if means is None:
        return unknown(sizes, rule, None, nothing_shared(pair))
    if pair.countable_by_unit and not look.running and pair.weights is not None:
        trials = pair.treated.trials(pair.weights), pair.control.trials(pair.weights)
        return exact_contrast((means.top, means.bottom), trials, sizes, look.alpha)
    why = missing(pair, look)
    if why:
        return unknown(sizes, rule, means.top - means.bottom, why)
    if pair.within_limits:
        return limited_contrast(means, pair.pulls, sizes, _looking(pair, look))
    return contrast_of(
        means, sizes, Rule(critical_of(pair, look), look.alpha, look.method), _p_value(means, pair, look)
    )


def nothing_shared(pair: Paired) -> str:
    """Why there is no difference at all. A group with decisions but without size is divided by costs: it has none."""
    treated, control = pair.treated, pair.control
    if not treated.rounds or not control.rounds:
        return "too few: one of the groups has no decision that counts"
    spent = treated.present.any(), control.present.any()
    if not all(spent):
        return "nothing was spent" + (" on the control" if spent[0] else " on the treated" if spent[1] else "")
    if not (treated.present & control.present).any():
        return "there is no revision in which both groups have anything to divide by"
    return ONE_UNIT


def missing(pair: Paired, look: Look) -> str:
    """Why the two groups' contrast has no bounds; "" where it has."""
    if pair.freedom < LEAST_FREEDOM:
        return CONCENTRATED
    if pair.within_limits:
        return ""
    if look.running and pair.few:
        return f"too few: {pair.events:.0f} of the {BURN_IN} events each group needs"
    return "" if light(pair.treated, pair.control) else UNLIMITED


def widest_critical(pairs: Sequence[Paired], look: Look) -> float | None:
    """A critical value, in standard errors, that serves the contrast of each pair; None where one has no bounds.

    For ratios of two differences (Fieller): each is as skewed as its parts at most, and their bounds hold together.
    """
    found = []
    for pair in pairs:
        means = pair.means
        if means is None or missing(pair, look):
            return None
        error = error_of(means)
        varies = error > ROUNDING * (abs(means.top) + abs(means.bottom))
        if pair.within_limits and varies:
            found.append(max(sides_of(means, pair.pulls, _looking(pair, look))) / error)
        else:
            found.append(critical_of(pair, look))
    return max(found, default=None)


def _looking(pair: Paired, look: Look) -> Looking:
    return Looking(look.running or pair.few, look.alpha, look.method, pair.freedom)


def ahead_of(pair: Paired, look: Look) -> Callable[[float], Sides] | None:
    """Distances of the contrast's bounds once there are so many times the units, if all else stays as it is.

    None where the contrast has no bounds, or is looked at once.
    """
    means = pair.means
    if means is None or not look.running or missing(pair, look):
        return None
    error, inflation = error_of(means), pair.inflation(look.alpha)
    if not pair.within_limits:
        time = pair.sizes.effective_n

        def asymptotic(times: float) -> Sides:
            each = inflation * error * mixture_critical(times * time, look.alpha, look.tightest_at) / times**0.5
            return Sides(each, each)

        return asymptotic
    pull = Pull.of_difference(*pair.pulls)

    def limited(times: float) -> Sides:
        return at_every_look((inflation * error) ** 2 / times, Pull(pull.up / times, pull.down / times), look.alpha)

    return limited


def critical_of(pair: Paired, look: Look) -> float:
    """Half-width of the contrast's interval in standard errors."""
    if not look.running:
        return student(pair.freedom, look.alpha)
    return pair.inflation(look.alpha) * mixture_critical(pair.sizes.effective_n, look.alpha, look.tightest_at)


def _p_value(means: Means, pair: Paired, look: Look) -> float | None:
    error = error_of(means)
    if not error:
        return None
    z = (means.top - means.bottom) / error
    if not look.running:
        return 2 * float(stdtr(pair.freedom, -abs(z)))
    time = pair.sizes.effective_n
    return mixture_p_value(z / pair.inflation(look.alpha), time, look.alpha, look.tightest_at)
