"""Two groups of the totals tier against each other: means clustered by unit, from sums by bucket of units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from offline_eval.ab.bucketed import Bucketed, Floats
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


@dataclass(frozen=True, slots=True)
class Linearised:
    """A group ready for many contrasts: what it is compared with changes nothing of this.

    Attributes:
        means: (S,) ratio in each stratum, 0 where it has no size. present: (S,) where it has.
        residuals: (S, B) (Y - R D) / Σ D by stratum and bucket.
        weights: (S,) the strata's. used: (B,) buckets in use.
        units: of the group. events: events or non-events of a 0/1 metric, whichever are fewer, at most units.
    """

    means: Floats
    present: NDArray[np.bool_]
    residuals: Floats
    weights: Floats
    used: NDArray[np.bool_]
    units: int
    events: float

    @classmethod
    def of(cls, group: Bucketed) -> "Linearised":
        """From a group's sums."""
        size = group.sizes.sum(axis=1)
        present = size != 0
        scale = np.where(present, size, 1.0)
        means = group.totals.sum(axis=1) / scale
        residuals = (group.totals - means[:, None] * group.sizes) / scale[:, None]
        used = np.asarray(group.sizes.any(axis=0))
        return cls(means, present, residuals, group.weights, used, group.units, _events(group))


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
    weights = np.where(treated.present & control.present, treated.weights, 0.0)
    mass, used = float(weights.sum()), int(np.count_nonzero(treated.used | control.used))
    if mass == 0 or used < 2:
        return unknown(sizes, rule, None, "too few: a group has no decisions in a revision of the other")
    means = _means(treated, control, weights / mass, used / (used - 1))
    events = min(treated.events, control.events)
    if look.running and events < BURN_IN:
        note = f"too few: {events:.0f} of the {BURN_IN} events each group needs"
        return unknown(sizes, rule, means.top - means.bottom, note)
    critical, p_value = _critical(means, sizes, used - 1, look)
    return contrast_of(means, sizes, Rule(critical, look.alpha, look.method), p_value)


def _means(treated: Linearised, control: Linearised, weights: Floats, scale: float) -> Means:
    """Both stratified means with their variances and covariance."""
    one, other = weights @ treated.residuals, weights @ control.residuals
    top, bottom = float(weights @ treated.means), float(weights @ control.means)
    return Means(top, bottom, scale * float(one @ one), scale * float(other @ other), scale * float(one @ other))


def _events(group: Bucketed) -> float:
    """Events, or non-events of a 0/1 metric, whichever are fewer, and no more than units."""
    if not group.binary:
        return float(group.units)
    events = float(group.totals.sum())
    return min(events, group.rounds - events, float(group.units))


def _critical(means: Means, sizes: Sizes, freedom: int, look: Look) -> tuple[float, float | None]:
    error = max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0) ** 0.5
    z = (means.top - means.bottom) / error if error else 0.0
    student = float(stdtrit(freedom, 1 - look.alpha / 2))
    if not look.running:
        return student, 2 * float(stdtr(freedom, -abs(z))) if error else None
    inflation = student / float(stdtrit(1e9, 1 - look.alpha / 2))
    critical = inflation * mixture_critical(sizes.effective_n, look.alpha, look.tightest_at)
    p_value = mixture_p_value(z / inflation, sizes.effective_n, look.alpha, look.tightest_at)
    return critical, p_value if error else None
