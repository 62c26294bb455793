"""Ratio metrics, clustered by unit: the delta method."""

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import stdtr, stdtrit

from offline_eval.ab.comparisons.welch import degrees_of_freedom
from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, need, unknown
from offline_eval.ab.fieller import Means, delta_variance
from offline_eval.ab.sample import DENOMINATOR, Sample


@dataclass(frozen=True, slots=True)
class Ratio:
    """Σ value / Σ denominator in each group, by the delta method over units (a unit may have several decisions).

    Deng, Knoblich & Lu (2018), KDD, section 3. A row may equally be a bucket of units: then `value` and `denominator`
    are the bucket's totals, and the rows number as many as there are buckets.
    """

    name: ClassVar[str] = "ratio"
    claims: ClassVar[str] = (
        "covers at one look with a hundred units or buckets of units in each group (docs/results/readout_coverage.md)"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"denominator"})
    alpha: float = 0.05

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of two ratios. Raises ComparisonError without a denominator."""
        need(self, treated, control)
        sizes = Sizes(treated.n, control.n)
        top, bottom = ratio_of(treated), ratio_of(control)
        if top is None or bottom is None:
            return unknown(sizes, Rule(0.0, self.alpha, self.name), None, "too few: a denominator is 0")
        means = Means(top[0], bottom[0], top[1], bottom[1])
        freedom = degrees_of_freedom(means, sizes)
        rule = Rule(float(stdtrit(freedom, 1 - self.alpha / 2)), self.alpha, self.name)
        error = (means.top_variance + means.bottom_variance) ** 0.5
        p_value = 2 * float(stdtr(freedom, -abs(means.top - means.bottom) / error)) if error else None
        return contrast_of(means, sizes, rule, p_value)


def ratio_of(sample: Sample) -> tuple[float, float] | None:
    """(ratio, its variance) of one group; None with fewer than two rows or a denominator of 0."""
    if sample.n < 2:
        return None
    column = sample.index(DENOMINATOR)
    if sample.mean[column] == 0:
        return None
    spread = sample.covariance / sample.n
    means = Means(
        sample.value,
        float(sample.mean[column]),
        float(spread[0, 0]),
        float(spread[column, column]),
        float(spread[0, column]),
    )
    return means.top / means.bottom, delta_variance(means)
