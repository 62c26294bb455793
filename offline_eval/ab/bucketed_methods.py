"""Comparisons that the totals tier can feed, by name: what a live readout may be asked for.

The two that work on buckets of units, `always_valid` and `fixed`, take strata and repeated decisions as they are. The
others of COMPARISONS read a `Sample`: of one decision a unit where that is what there is, else a sample with the mean
and the standard error that the buckets give. What needs covariates, denominators or sketches needs the rounds.
"""

from collections.abc import Callable

import numpy as np

from offline_eval.ab.bucketed import Linearised
from offline_eval.ab.bucketed_contrast import Look, linearised_contrast
from offline_eval.ab.bucketed_pair import Paired
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.contrast import Contrast, Rule, Sizes, unknown
from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.sample import VALUE, Sample
from offline_eval.ab.scarcity import FEW

Method = Callable[[Linearised, Linearised, float], Contrast]
"""Treated, control, alpha → contrast."""


def always_valid(treated: Linearised, control: Linearised, alpha: float = 0.05) -> Contrast:
    """The asymptotic confidence sequence over buckets of units: see `bucketed_contrast`."""
    return linearised_contrast(treated, control, Look(True, alpha))


def fixed(treated: Linearised, control: Linearised, alpha: float = 0.05) -> Contrast:
    """Student's over buckets of units; Fisher's exact test where a 0/1 metric has fewer than 50 events."""
    if min(treated.events, control.events) < FEW and countable(treated) and countable(control):
        return COMPARISONS["exact"](alpha).compare(_counts(treated), _counts(control))  # type: ignore[call-arg]
    return linearised_contrast(treated, control, Look(False, alpha))


def countable(group: Linearised) -> bool:
    """One decision a unit, 0 or 1, in one revision: the group is `hits` successes among `units` trials."""
    return group.binary and group.units == group.rounds and int(np.count_nonzero(group.present)) == 1


def _counts(group: Linearised) -> Sample:
    return Sample.of_counts(round(group.hits), group.units)


def _sampled(name: str) -> Method:
    comparison = COMPARISONS[name]

    def method(treated: Linearised, control: Linearised, alpha: float = 0.05) -> Contrast:
        sizes = Sizes(treated.units, control.units)
        samples = samples_of(treated, control)
        if samples is None:
            return unknown(sizes, Rule(0.0, alpha, name), None, "too few: there is nothing to compare in both groups")
        try:
            return comparison(alpha).compare(*samples)  # type: ignore[call-arg]  # all of them start with alpha
        except ComparisonError:
            note = f"{name} takes 0/1 metrics with one decision a unit in one revision"
            return unknown(sizes, Rule(0.0, alpha, name), samples[0].value - samples[1].value, note)

    method.__doc__ = comparison.__doc__
    return method


def samples_of(treated: Linearised, control: Linearised) -> tuple[Sample, Sample] | None:
    """Both groups as samples of units; None where they share no revision or have fewer than two buckets in use."""
    if countable(treated) and countable(control) and bool((treated.present & control.present).any()):
        return _counts(treated), _counts(control)
    means = Paired.of(treated, control).means
    if means is None:
        return None
    return _moments(treated, means.top, means.top_variance), _moments(control, means.bottom, means.bottom_variance)


def _moments(group: Linearised, mean: float, variance: float) -> Sample:
    """n units whose mean has this variance."""
    n = max(min(group.units, group.rounds), 2)
    return Sample((VALUE,), n, np.array([mean]), np.array([[variance * n * (n - 1)]]), int(group.events), False)


METHODS: dict[str, Method] = {
    "always_valid": always_valid,
    "fixed": fixed,
    "welch": _sampled("welch"),
    "large_sample": _sampled("large_sample"),
    "exact": _sampled("exact"),
    "bayes": _sampled("bayes"),
    "non_inferiority": _sampled("non_inferiority"),
}

FROM_ROUNDS = frozenset(COMPARISONS) - frozenset(METHODS)
"""Comparisons that need the rounds themselves: covariates, quantiles, capping."""
