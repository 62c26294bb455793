"""Is the treatment at most a stated margin worse? The test of guardrails."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from scipy.special import stdtr

from offline_eval.ab.comparisons.welch import Welch, degrees_of_freedom
from offline_eval.ab.contrast import Contrast, Sizes
from offline_eval.ab.errors import ComparisonError
from offline_eval.ab.fieller import Means
from offline_eval.ab.sample import Sample


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """H₀: ȳ₁ - ȳ₀ ≤ -margin against ȳ₁ - ȳ₀ > -margin, one-sided at α, higher being better.

    The margin is a number in the metric's unit, or a share of the control's mean where `relative`: the test is then of
    ȳ₁ - (1 - margin) ȳ₀ > 0 (Laster & Johnson 2003, Stat. Med. 22, 187-200). The lower bound is one-sided, the upper
    one unbounded; not inferior is what p ≤ α says.
    """

    name: ClassVar[str] = "non_inferiority"
    claims: ClassVar[str] = (
        "at one look, says 'not worse than the margin' wrongly at most at rate α; one-sided bound "
        "(docs/results/readout_coverage.md, guardrails)"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05
    margin: float = 0.02
    relative: bool = True

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast with one-sided bounds. Raises ComparisonError where the margin is not positive."""
        if self.margin <= 0:
            raise ComparisonError("a margin of non-inferiority is positive")
        found = Welch(2 * self.alpha).compare(treated.within(None), control.within(None))
        absolute = replace(found.absolute, upper=None, method=self.name, alpha=self.alpha)
        relative = replace(found.relative, upper=None, method=self.name, alpha=self.alpha)
        return Contrast(absolute, relative, self._p_value(treated, control), self._note(found.note))

    def _p_value(self, treated: Sample, control: Sample) -> float | None:
        if min(treated.n, control.n) < 2:
            return None
        # A share of the control's absolute value: worse is less, also below zero.
        kept = 1 - math.copysign(self.margin, control.value) if self.relative else 1.0
        shift = 0.0 if self.relative else self.margin
        means = Means(
            treated.value + shift,
            kept * control.value,
            treated.variance / treated.n,
            kept**2 * control.variance / control.n,
        )
        error = (means.top_variance + means.bottom_variance) ** 0.5
        freedom = degrees_of_freedom(means, Sizes(treated.n, control.n))
        return float(stdtr(freedom, -(means.top - means.bottom) / error)) if error else None

    def _note(self, note: str) -> str:
        margin = f"{self.margin:.3g} of the control's mean" if self.relative else f"{self.margin:.6g}"
        return "; ".join(part for part in (f"margin {margin}, one-sided: no upper bound", note) if part)
