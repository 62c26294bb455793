"""The contrast of two groups whose units are known to lie within limits."""

import math
from dataclasses import replace
from typing import NamedTuple

from scipy.special import ndtri

from offline_eval.ab.bounded import Pull, Sides, at_every_look, at_one_look, error_of, p_at_every_look, p_at_one_look
from offline_eval.ab.concentration import student
from offline_eval.ab.contrast import CONTROL_AT_ZERO, Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
from offline_eval.ab.limits import both_limits
from offline_eval.ab.sample import Sample


class Looking(NamedTuple):
    """How it is looked at.

    Attributes:
        always: at any time, or at so few events that only what holds at any time holds; else once.
        alpha, method: as in estimates. freedom: Student's degrees of freedom of the difference.
    """

    always: bool
    alpha: float
    method: str
    freedom: float


def limited_contrast(means: Means, pulls: tuple[Pull, Pull], sizes: Sizes, looking: Looking) -> Contrast:
    """Difference with the bounds of `bounded`, and the relative lift by Fieller with the same critical values.

    `pulls`: how far one unit can move either mean. At every look the variance is times (t / z)² for its freedom.
    """
    error, gap = error_of(means), means.top - means.bottom
    if not error:
        return _unvaried(means, Pull.of_difference(*pulls), sizes, looking)
    sides = sides_of(means, pulls, looking)
    if looking.always:
        p_value = p_at_every_look(gap, _inflated(means, looking), Pull.of_difference(*pulls))
    else:
        p_value = p_at_one_look(means, pulls, looking.freedom)
    rule = Rule(sides.below / error, looking.alpha, looking.method, above=sides.above / error)
    return contrast_of(means, sizes, rule, p_value)


def _unvaried(means: Means, pull: Pull, sizes: Sizes, looking: Looking) -> Contrast:
    """Where all units of a group are alike: what was never seen vary may vary, but only so far."""
    found = unknown(sizes, Rule(0.0, looking.alpha, looking.method), means.top - means.bottom, "")
    gap, (below, above) = means.top - means.bottom, at_every_look(0.0, pull, looking.alpha)
    note = CONTROL_AT_ZERO if means.bottom == 0 else "relative lift not computed: no variation within the groups"
    absolute = replace(found.absolute, lower=gap - below, upper=gap + above)
    return replace(found, absolute=absolute, p_value=p_at_every_look(gap, 0.0, pull), note=note)


def held(contrast: Contrast, treated: Sample, control: Sample) -> Contrast:
    """With nothing that limits rule out: both samples have them."""
    (low, high), (least, most) = treated.limits or (-math.inf, math.inf), control.limits or (-math.inf, math.inf)
    return replace(contrast, absolute=contrast.absolute.held_within(low - most, high - least))


def sides_of(means: Means, pulls: tuple[Pull, Pull], looking: Looking) -> Sides:
    """Distances of the difference's bounds."""
    if looking.always:
        return at_every_look(_inflated(means, looking), Pull.of_difference(*pulls), looking.alpha)
    return at_one_look(means, pulls, student(looking.freedom, looking.alpha))


def _inflated(means: Means, looking: Looking) -> float:
    """Variance of the difference as Student's critical value would have it."""
    critical = student(looking.freedom, looking.alpha)
    return (error_of(means) * critical / -float(ndtri(looking.alpha / 2))) ** 2


def pulls_of(treated: Sample, control: Sample) -> tuple[Pull, Pull]:
    """How far one unit can move the mean of either sample; both have limits."""
    return pull_of(treated), pull_of(control)


def pull_of(sample: Sample) -> Pull:
    """How far one unit can move the sample's mean. Raises ValueError where the sample has no limits."""
    if sample.limits is None:
        raise ValueError("without limits one unit may move a mean as far as it likes")
    return Pull((sample.limits[1] - sample.value) / sample.n, (sample.value - sample.limits[0]) / sample.n)


def limited(treated: Sample, control: Sample) -> bool:
    """Whether both samples have limits."""
    return both_limits(treated.limits, control.limits) is not None
