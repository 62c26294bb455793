"""Two groups of the totals tier against each other: means clustered by unit, from sums by bucket of units."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.bounded import Pull, Sides, at_every_look, error_of
from offline_eval.ab.bucketed import Bucketed, Floats, Linearised, within_reach
from offline_eval.ab.concentration import CONCENTRATED, LEAST_FREEDOM, ONE_UNIT, effective_freedom
from offline_eval.ab.contrast import ROUNDING, Contrast, Rule, Sizes, contrast_of, unknown
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

    At one look Student's, with limits longer by what `bounded` says, and by that sequence below 50 events. Variances
    are times (t / z)² for the degrees of freedom: B - 1, or the effective ones where units have several decisions (see
    `concentration`); where those are below one there are no bounds.
    """
    return linearised_contrast(Linearised.of(treated), Linearised.of(control), look or Look())


def linearised_contrast(treated: Linearised, control: Linearised, look: Look) -> Contrast:
    """`bucketed_contrast` of groups that are compared more than once, never beyond what is possible."""
    found = _contrast(treated, control, look)
    if treated.possible is None or control.possible is None:
        return found
    possible = (treated.possible[0] - control.possible[1], treated.possible[1] - control.possible[0])
    return replace(found, absolute=within_reach(found.absolute, possible))


def _contrast(treated: Linearised, control: Linearised, look: Look) -> Contrast:
    rule, sizes = Rule(0.0, look.alpha, look.method), Sizes(treated.units, control.units)
    means, weights = shared_means(treated, control), shared_weights(treated, control)
    if means is None or weights is None:
        return unknown(sizes, rule, None, nothing_shared(treated, control))
    why = missing(treated, control, look)
    if why:
        return unknown(sizes, rule, means.top - means.bottom, why)
    if _within_limits(treated, control):
        looking = Looking(_always(treated, control, look), look.alpha, look.method, freedom(treated, control))
        return limited_contrast(means, (treated.pull(weights), control.pull(weights)), sizes, looking)
    critical, p_value = critical_of(treated, control, look), _p_value(means, treated, control, look)
    return contrast_of(means, sizes, Rule(critical, look.alpha, look.method), p_value)


def nothing_shared(treated: Linearised, control: Linearised) -> str:
    """Why there is no difference at all. A group with decisions but without size is divided by costs: it has none."""
    if not treated.rounds or not control.rounds:
        return "too few: one of the groups has no decision that counts"
    spent = treated.present.any(), control.present.any()
    if not all(spent):
        return "nothing was spent" + (" on the control" if spent[0] else " on the treated" if spent[1] else "")
    if not (treated.present & control.present).any():
        return "there is no revision in which both groups have anything to divide by"
    return ONE_UNIT


def missing(treated: Linearised, control: Linearised, look: Look) -> str:
    """Why the two groups' contrast has no bounds; "" where it has."""
    if freedom(treated, control) < LEAST_FREEDOM:
        return CONCENTRATED
    if _within_limits(treated, control):
        return ""
    events = min(treated.events, control.events)
    if look.running and events < BURN_IN:
        return f"too few: {events:.0f} of the {BURN_IN} events each group needs"
    return "" if light(treated, control) else UNLIMITED


def widest_critical(pairs: Sequence[tuple[Linearised, Linearised]], look: Look) -> float | None:
    """A critical value, in standard errors, that serves the contrast of each pair; None where one has no bounds.

    For ratios of two differences (Fieller): each is as skewed as its parts at most, and their bounds hold together.
    """
    found = []
    for treated, control in pairs:
        means, weights = shared_means(treated, control), shared_weights(treated, control)
        if means is None or weights is None or missing(treated, control, look):
            return None
        error = error_of(means)
        varies = error > ROUNDING * (abs(means.top) + abs(means.bottom))
        if _within_limits(treated, control) and varies:
            looking = Looking(_always(treated, control, look), look.alpha, look.method, freedom(treated, control))
            sides = sides_of(means, (treated.pull(weights), control.pull(weights)), looking)
            found.append(max(sides) / error)
        else:
            found.append(critical_of(treated, control, look))
    return max(found, default=None)


def _within_limits(treated: Linearised, control: Linearised) -> bool:
    """Whether the bounds of `bounded` are asked for: not for shares, once they have events enough."""
    if treated.limits is None or control.limits is None:
        return False
    share = treated.binary and control.binary
    return not share or min(treated.events, control.events) < BURN_IN


def _always(treated: Linearised, control: Linearised, look: Look) -> bool:
    return look.running or min(treated.events, control.events) < BURN_IN


def ahead_of(treated: Linearised, control: Linearised, look: Look) -> Callable[[float], Sides] | None:
    """Distances of the contrast's bounds once there are so many times the units, if all else stays as it is.

    None where the contrast has no bounds, or is looked at once.
    """
    means, weights = shared_means(treated, control), shared_weights(treated, control)
    if means is None or weights is None or not look.running or missing(treated, control, look):
        return None
    error, inflation = error_of(means), _inflation(treated, control, look.alpha)
    if not _within_limits(treated, control):
        time = Sizes(treated.units, control.units).effective_n

        def asymptotic(times: float) -> Sides:
            each = inflation * error * mixture_critical(times * time, look.alpha, look.tightest_at) / times**0.5
            return Sides(each, each)

        return asymptotic
    pull = Pull.of_difference(treated.pull(weights), control.pull(weights))

    def limited(times: float) -> Sides:
        return at_every_look((inflation * error) ** 2 / times, Pull(pull.up / times, pull.down / times), look.alpha)

    return limited


def _inflation(treated: Linearised, control: Linearised, alpha: float) -> float:
    """Student's over the normal critical value."""
    return float(stdtrit(freedom(treated, control), 1 - alpha / 2)) / float(stdtrit(1e9, 1 - alpha / 2))


def shared_means(treated: Linearised, control: Linearised) -> Means | None:
    """The stratified means over the revisions that both have; None where there are none or one bucket alone."""
    weights, left = shared_weights(treated, control), _buckets(treated, control)
    if weights is None:
        return None
    scale = (left + 1) / left
    one, other = weights @ treated.residuals, weights @ control.residuals
    top, bottom = float(weights @ treated.means), float(weights @ control.means)
    return Means(top, bottom, scale * float(one @ one), scale * float(other @ other), scale * float(one @ other))


def shared_weights(treated: Linearised, control: Linearised) -> Floats | None:
    """(S,) weights of the strata that both have, adding up to 1; None where there are none or one bucket alone."""
    kept = np.where(treated.present & control.present, treated.weights, 0.0)
    mass = float(kept.sum())
    return kept / mass if mass and _buckets(treated, control) > 0 else None


def freedom(treated: Linearised, control: Linearised) -> float:
    """Degrees of freedom of the difference's variance; 0 where the groups share no revision."""
    weights = shared_weights(treated, control)
    if weights is None:
        return 0.0
    buckets = float(_buckets(treated, control))
    if not (treated.repeated or control.repeated):
        return buckets
    return min(buckets, effective_freedom([treated.shares(weights), control.shares(weights)]))


def _buckets(treated: Linearised, control: Linearised) -> int:
    """Buckets in use, minus one."""
    return int(np.count_nonzero(treated.used | control.used)) - 1


def critical_of(treated: Linearised, control: Linearised, look: Look) -> float:
    """Half-width of the contrast's interval in standard errors."""
    if not look.running:
        return float(stdtrit(freedom(treated, control), 1 - look.alpha / 2))
    time = Sizes(treated.units, control.units).effective_n
    return _inflation(treated, control, look.alpha) * mixture_critical(time, look.alpha, look.tightest_at)


def _p_value(means: Means, treated: Linearised, control: Linearised, look: Look) -> float | None:
    error = max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0) ** 0.5
    if not error:
        return None
    z, left = (means.top - means.bottom) / error, freedom(treated, control)
    if not look.running:
        return 2 * float(stdtr(left, -abs(z)))
    time = Sizes(treated.units, control.units).effective_n
    return mixture_p_value(z / _inflation(treated, control, look.alpha), time, look.alpha, look.tightest_at)
