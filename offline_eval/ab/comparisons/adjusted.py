"""Regression adjustment with slopes of each group's own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from offline_eval.ab.comparisons.large_sample import z_test
from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, need
from offline_eval.ab.fieller import Means
from offline_eval.ab.regression import covariate_rows, residual_variance, slopes
from offline_eval.ab.sample import Sample


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Each group's fitted mean at the covariates' overall mean; never less precise than none in large samples.

    Lin (2013), *Agnostic notes on regression adjustments to experimental data*, Ann. Appl. Stat. 7, 295-318. The
    difference equals the coefficient of treatment in y ~ 1 + treatment x (x - x̄). The variance adds the sampling of x̄
    (units come from a larger population): βₐᵀ Sₓ β_b / N between fitted means a and b.
    """

    name: ClassVar[str] = "adjusted"
    claims: ClassVar[str] = (
        "covers at one look with hundreds of units for each covariate (docs/results/readout_coverage.md); not "
        "under peeking"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"covariates"})
    alpha: float = 0.05

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of fitted means. Raises ComparisonError without covariates or with too few units."""
        need(self, treated, control)
        sizes = Sizes(treated.n, control.n)
        means = fitted_means(treated, control)
        rule = Rule(-float(ndtri(self.alpha / 2)), self.alpha, self.name)
        return contrast_of(means, sizes, rule, z_test(means))


def fitted_means(treated: Sample, control: Sample) -> Means:
    """Fitted means at the overall mean of the covariates, with their variances and covariance."""
    rows, total = covariate_rows(treated), treated.n + control.n
    both = treated + control
    pooled, spread = both.mean[rows], both.covariance[np.ix_(rows, rows)] / max(total, 1)
    betas = [slopes(sample.scatter, rows) for sample in (treated, control)]
    values, spreads = [], []
    for sample, beta in zip((treated, control), betas, strict=True):
        values.append(sample.value - float(beta @ (sample.mean[rows] - pooled)))
        spreads.append(residual_variance(sample, beta, len(beta)) / sample.n + float(beta @ spread @ beta))
    return Means(values[0], values[1], spreads[0], spreads[1], float(betas[0] @ spread @ betas[1]))
