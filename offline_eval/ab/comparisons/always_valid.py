"""Confidence sequences: the default while an experiment runs."""

from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.bounded import error_of
from offline_eval.ab.comparisons.welch import degrees_of_freedom
from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
from offline_eval.ab.limited import Looking, held, limited, limited_contrast, pulls_of
from offline_eval.ab.limits import UNLIMITED, light
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import scarcer
from offline_eval.ab.sequential import BURN_IN, TIGHTEST_AT, mixture_critical, mixture_p_value


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """Intervals that hold at all looks together; relative lift by Fieller's set with the same critical values.

    - 0/1 metrics, and those whose means are hardly skewed (see `light`): ȳ₁ - ȳ₀ ± c(n) √(s₁²/n₁ + s₀²/n₀) with the
      mixture's c(n) (Waudby-Smith et al. 2024, theorem 2.2, see `sequential`), p-value of the same mixture (mSPRT),
      once each group has `burn_in` events (and non-events). Time is the number of units of an equal split that would
      be as informative.
    - Within limits (see Sample): the sequence of `bounded`, also for 0/1 metrics with fewer events.
    - Else no bounds: no such interval can hold for a mean of which nothing is known (Bahadur & Savage 1956).

    The sequence is not intersected with its past: it is a function of the sums alone.
    """

    name: ClassVar[str] = "always_valid"
    claims: ClassVar[str] = (
        "covers at all looks together: shares from 50 events in each group on (docs/results/readout_coverage.md, "
        "peeking), and within limits at any skewness and any count (docs/results/readout_money.md); no bounds of "
        "skewed means without limits; wider than at one look"
    )
    anytime: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05
    tightest_at: float = TIGHTEST_AT
    burn_in: int = BURN_IN

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of the means of `value`."""
        sizes, rule = Sizes(treated.n, control.n), Rule(0.0, self.alpha, self.name)
        if min(treated.n, control.n) < 2:
            value = treated.value - control.value if min(treated.n, control.n) else None
            return unknown(sizes, rule, value, "too few: fewer than two units in a group")
        means = Means(treated.value, control.value, treated.variance / treated.n, control.variance / control.n)
        share = treated.binary and control.binary
        events = min(scarcest(sample.with_share(share)) for sample in (treated, control))
        if limited(treated, control) and (events < self.burn_in or not share):
            looking = Looking(True, self.alpha, self.name, degrees_of_freedom(means, sizes))
            return held(limited_contrast(means, pulls_of(treated, control), sizes, looking), treated, control)
        if events < self.burn_in:
            note = f"too few: {events} of the {self.burn_in} events each group needs"
            return unknown(sizes, rule, means.top - means.bottom, note)
        if not light(treated, control):
            return unknown(sizes, rule, means.top - means.bottom, UNLIMITED)
        return self._asymptotic(means, sizes)

    def _asymptotic(self, means: Means, sizes: Sizes) -> Contrast:
        rule = Rule(mixture_critical(sizes.effective_n, self.alpha, self.tightest_at), self.alpha, self.name)
        error = error_of(means)
        z = (means.top - means.bottom) / error if error else 0.0
        p_value = mixture_p_value(z, sizes.effective_n, self.alpha, self.tightest_at) if error else None
        return contrast_of(means, sizes, rule, p_value)


def scarcest(sample: Sample) -> int:
    """Events, or non-events of a 0/1 metric, whichever are fewer."""
    return int(scarcer(sample.events, sample.n, sample.binary))
