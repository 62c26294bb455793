"""Welch's unequal-variances t-test."""

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import stdtr, stdtrit

from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
from offline_eval.ab.limited import Looking, held, limited, limited_contrast, pulls_of
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import FEW


@dataclass(frozen=True, slots=True)
class Welch:
    """ȳ₁ - ȳ₀ ± t(ν) √(s₁²/n₁ + s₀²/n₀), with ν of Welch (1947), Biometrika 34, 28-35; relative lift by Fieller's set.

    Fieller's set excludes 0 exactly when the difference's interval does, so the two never contradict each other. Within
    limits (see Sample), each side is longer by what the skewness may do to it, and below 50 events the bounds are those
    of every look (see `bounded`).
    """

    name: ClassVar[str] = "welch"
    claims: ClassVar[str] = (
        "covers at one look: shares from 50 events in each group on (fewer: exact; "
        "docs/results/readout_coverage.md), and within limits at any skewness (docs/results/readout_money.md); "
        "not between arms of a bandit"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of the means of `value`."""
        sizes = Sizes(treated.n, control.n)
        if min(treated.n, control.n) < 2:
            return unknown(sizes, Rule(0.0, self.alpha, self.name), None, "too few: fewer than two units in a group")
        means = Means(treated.value, control.value, treated.variance / treated.n, control.variance / control.n)
        freedom = degrees_of_freedom(means, sizes)
        if limited(treated, control) and not (treated.binary and control.binary):
            looking = Looking(min(treated.events, control.events) < FEW, self.alpha, self.name, freedom)
            return held(limited_contrast(means, pulls_of(treated, control), sizes, looking), treated, control)
        rule = Rule(float(stdtrit(freedom, 1 - self.alpha / 2)), self.alpha, self.name)
        error = (means.top_variance + means.bottom_variance) ** 0.5
        p_value = 2 * float(stdtr(freedom, -abs(means.top - means.bottom) / error)) if error else None
        return contrast_of(means, sizes, rule, p_value)


def degrees_of_freedom(means: Means, sizes: Sizes) -> float:
    """Welch-Satterthwaite: (v₁ + v₀)² / (v₁²/(n₁-1) + v₀²/(n₀-1)), v the variances of the means."""
    spread = means.top_variance**2 / (sizes.treated - 1) + means.bottom_variance**2 / (sizes.control - 1)
    return (means.top_variance + means.bottom_variance) ** 2 / spread if spread else float(sizes.n - 2)
