"""One group's mean with its interval at one look."""

from scipy.special import stdtrit

from offline_eval.ab.bounded import Sides, at_every_look, of_one_mean
from offline_eval.ab.contrast import NO_VARIATION, ROUNDING
from offline_eval.ab.limited import pull_of
from offline_eval.ab.limits import light
from offline_eval.ab.proportion import clopper_pearson
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import FEW, scarcer
from offline_eval.estimate import Estimate

UNBOUNDED = (
    "no bounds: a few large values decide this mean; cap the amounts at a value chosen before they were seen, or state "
    "between which numbers they lie"
)


def mean_of(sample: Sample, alpha: float = 0.05) -> Estimate:
    """Student's interval of the mean; Clopper & Pearson's where a 0/1 metric has few events. None without units.

    Within limits, longer by what the skewness may do, and that of every look below 50 events (see `bounded`). Without
    limits no bounds where the mean is skewed (see `light`).
    """
    if sample.n == 0:
        return Estimate(None, None, None, 0, 0.0, "mean", alpha)
    if sample.binary and scarcer(sample.events, sample.n, True) < FEW:
        share = clopper_pearson(sample.events, sample.n, alpha)
        return Estimate(share.value, share.lower, share.upper, sample.n, float(sample.n), "clopper_pearson", alpha)
    unvaried = (sample.variance / sample.n) ** 0.5 <= ROUNDING * abs(sample.value)
    if sample.n < 2 or not light(sample) or (unvaried and sample.limits is None):
        return Estimate(sample.value, None, None, sample.n, float(sample.n), "mean", alpha)
    below, above = _sides(sample, alpha, unvaried)
    value, n = sample.value, sample.n
    found = Estimate(value, value - below, value + above, n, float(n), "mean", alpha)
    return found if sample.limits is None else found.held_within(*sample.limits)


def why_boundless(sample: Sample) -> str:
    """Why `mean_of` gives no bounds, where it gives none."""
    if sample.n < 2:
        return "too few: fewer than two units"
    return NO_VARIATION if light(sample) else UNBOUNDED


def _sides(sample: Sample, alpha: float, unvaried: bool) -> Sides:
    variance, critical = sample.variance / sample.n, float(stdtrit(sample.n - 1, 1 - alpha / 2))
    if sample.limits is None or sample.binary:
        return Sides(critical * variance**0.5, critical * variance**0.5)
    if sample.events < FEW or unvaried:
        return at_every_look(variance, pull_of(sample), alpha)
    return of_one_mean(variance, pull_of(sample), critical)
