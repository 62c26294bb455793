"""CUPED: one slope for both groups."""

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import stdtr, stdtrit

from offline_eval.ab.comparisons.welch import degrees_of_freedom
from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, need
from offline_eval.ab.fieller import Means
from offline_eval.ab.regression import covariate_rows, residual_variance, slopes
from offline_eval.ab.sample import Sample


@dataclass(frozen=True, slots=True)
class Cuped:
    """Welch's comparison of y - θᵀ(x - x̄) with θ the pooled within-group slope, x known before assignment.

    Deng, Xu, Kohavi & Walker (2013), *Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data*, WSDM. The difference equals the coefficient of treatment in y ~ 1 + treatment + x.
    """

    name: ClassVar[str] = "cuped"
    claims: ClassVar[str] = (
        "covers at one look with many more units than covariates (docs/results/readout_coverage.md); not under peeking"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"covariates"})
    alpha: float = 0.05

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of covariate-adjusted means. Raises ComparisonError without covariates or with too few units."""
        need(self, treated, control)
        sizes = Sizes(treated.n, control.n)
        means = adjusted_means(treated, control)
        freedom = degrees_of_freedom(means, sizes)
        rule = Rule(float(stdtrit(freedom, 1 - self.alpha / 2)), self.alpha, self.name)
        error = (means.top_variance + means.bottom_variance) ** 0.5
        p_value = 2 * float(stdtr(freedom, -abs(means.top - means.bottom) / error)) if error else None
        return contrast_of(means, sizes, rule, p_value)


def adjusted_means(treated: Sample, control: Sample) -> Means:
    """Means as if both groups had the covariates of all units together."""
    rows = covariate_rows(treated)
    theta = slopes(treated.scatter + control.scatter, rows)
    pooled = (treated.n * treated.mean + control.n * control.mean)[rows] / max(treated.n + control.n, 1)
    values = [sample.value - float(theta @ (sample.mean[rows] - pooled)) for sample in (treated, control)]
    spreads = [residual_variance(sample, theta, 0) / sample.n for sample in (treated, control)]
    return Means(values[0], values[1], spreads[0], spreads[1])
