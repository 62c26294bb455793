"""One group's mean with its interval at one look."""

from scipy.special import stdtrit

from offline_eval.ab.contrast import ROUNDING
from offline_eval.ab.proportion import clopper_pearson
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import FEW, scarcer
from offline_eval.estimate import Estimate


def mean_of(sample: Sample, alpha: float = 0.05) -> Estimate:
    """Student's interval of the mean; Clopper & Pearson's where a 0/1 metric has few events. None without units."""
    if sample.n == 0:
        return Estimate(None, None, None, 0, 0.0, "mean", alpha)
    if sample.binary and scarcer(sample.events, sample.n, True) < FEW:
        share = clopper_pearson(sample.events, sample.n, alpha)
        return Estimate(share.value, share.lower, share.upper, sample.n, float(sample.n), "clopper_pearson", alpha)
    if sample.n < 2 or (sample.variance / sample.n) ** 0.5 <= ROUNDING * abs(sample.value):
        return Estimate(sample.value, None, None, sample.n, float(sample.n), "mean", alpha)
    half = float(stdtrit(sample.n - 1, 1 - alpha / 2)) * (sample.variance / sample.n) ** 0.5
    return Estimate(sample.value, sample.value - half, sample.value + half, sample.n, float(sample.n), "mean", alpha)
