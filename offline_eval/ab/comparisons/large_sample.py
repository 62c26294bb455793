"""Large-sample z-test with the delta method for the relative lift."""

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import ndtr, ndtri

from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
from offline_eval.ab.sample import Sample


@dataclass(frozen=True, slots=True)
class LargeSample:
    """ȳ₁ - ȳ₀ ± z √(s₁²/n₁ + s₀²/n₀), and ȳ₁/ȳ₀ - 1 ± z √((v₁ + (ȳ₁/ȳ₀)² v₀) / ȳ₀²).

    Delta method: Deng, Knoblich & Lu (2018), *Applying the delta method in metric analytics*, KDD, section 2.
    """

    name: ClassVar[str] = "large_sample"
    claims: ClassVar[str] = (
        "covers at one look with hundreds of events in each group (fewer: exact; "
        "docs/results/readout_coverage.md); not under peeking"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of the means of `value`."""
        sizes = Sizes(treated.n, control.n)
        rule = Rule(-float(ndtri(self.alpha / 2)), self.alpha, self.name, relative="delta")
        if min(treated.n, control.n) < 2:
            return unknown(sizes, rule, None, "too few: fewer than two units in a group")
        means = Means(treated.value, control.value, treated.variance / treated.n, control.variance / control.n)
        return contrast_of(means, sizes, rule, z_test(means))


def z_test(means: Means) -> float | None:
    """Two-sided p-value of top = bottom; None where nothing varies."""
    error = max(means.top_variance + means.bottom_variance - 2 * means.covariance, 0.0) ** 0.5
    return 2 * float(ndtr(-abs(means.top - means.bottom) / error)) if error else None
