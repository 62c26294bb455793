"""Two groups of the totals tier against each other: means clustered by unit, from sums by bucket of units."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from offline_eval.ab.bucketed import Bucketed, Floats, Linearised
from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
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
    units that are in both (arms of one variant) is accounted for, and nothing is lost where they share none. While
    running, the always-valid critical value (see `sequential`) in units, times t / z for the B - 1 degrees of freedom;
    no bounds before each group has 50 events in at least as many units. Claims nothing between arms of a bandit.
    """
    return linearised_contrast(Linearised.of(treated), Linearised.of(control), look or Look())


def linearised_contrast(treated: Linearised, control: Linearised, look: Look) -> Contrast:
    """`bucketed_contrast` of groups that are compared more than once."""
    rule, sizes = Rule(0.0, look.alpha, look.method), Sizes(treated.units, control.units)
    means = shared_means(treated, control)
    if means is None:
        return unknown(sizes, rule, None, "too few: in no revision have both groups anything to divide by")
    events = min(treated.events, control.events)
    if look.running and events < BURN_IN:
        note = f"too few: {events:.0f} of the {BURN_IN} events each group needs"
        return unknown(sizes, rule, means.top - means.bottom, note)
    critical, p_value = critical_of(treated, control, look), _p_value(means, treated, control, look)
    return contrast_of(means, sizes, Rule(critical, look.alpha, look.method), p_value)


def shared_means(treated: Linearised, control: Linearised) -> Means | None:
    """The stratified means over the revisions that both have; None where there are none or one bucket alone."""
    weights, left = shared_weights(treated, control), freedom(treated, control)
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
    return kept / mass if mass and freedom(treated, control) > 0 else None


def freedom(treated: Linearised, control: Linearised) -> int:
    """Buckets in use, minus one."""
    return int(np.count_nonzero(treated.used | control.used)) - 1


def critical_of(treated: Linearised, control: Linearised, look: Look) -> float:
    """Half-width of the contrast's interval in standard errors."""
    student = float(stdtrit(freedom(treated, control), 1 - look.alpha / 2))
    if not look.running:
        return student
    time = Sizes(treated.units, control.units).effective_n
    return student / float(stdtrit(1e9, 1 - look.alpha / 2)) * mixture_critical(time, look.alpha, look.tightest_at)


def _p_value(means: Means, treated: Linearised, control: Linearised, look: Look) -> float | None:
    error = max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0) ** 0.5
    if not error:
        return None
    z, left = (means.top - means.bottom) / error, freedom(treated, control)
    if not look.running:
        return 2 * float(stdtr(left, -abs(z)))
    inflation = float(stdtrit(left, 1 - look.alpha / 2)) / float(stdtrit(1e9, 1 - look.alpha / 2))
    time = Sizes(treated.units, control.units).effective_n
    return mixture_p_value(z / inflation, time, look.alpha, look.tightest_at)
