"""Asymptotic confidence sequence: the default while an experiment runs."""

from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.contrast import Contrast, Rule, Sizes, contrast_of, unknown
from offline_eval.ab.fieller import Means
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import scarcer
from offline_eval.ab.sequential import BURN_IN, TIGHTEST_AT, mixture_critical, mixture_p_value


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """ȳ₁ - ȳ₀ ± c(n) √(s₁²/n₁ + s₀²/n₀) with the mixture's c(n); relative lift by Fieller's set with the same c(n).

    Waudby-Smith et al. (2024), theorem 2.2, see `sequential`; p-value of the same mixture (mSPRT). Time is the number
    of units of an equal split that would be as informative. Before each group has `burn_in` events (and, for 0/1
    metrics, non-events), no bounds are given. The sequence is not intersected with its past: it is a function of the
    sums alone.
    """

    name: ClassVar[str] = "always_valid"
    claims: ClassVar[str] = (
        "covers at every look from 50 events in each group on, all looks together (asymptotically); wider than a "
        "fixed-look interval at any single look"
    )
    anytime: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05
    tightest_at: float = TIGHTEST_AT
    burn_in: int = BURN_IN

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of the means of `value`."""
        sizes = Sizes(treated.n, control.n)
        events = min(scarcest(treated), scarcest(control))
        if events < max(self.burn_in, 2):
            note = f"too few: {events} of the {self.burn_in} events each group needs"
            value = treated.value - control.value if min(treated.n, control.n) else None
            return unknown(sizes, Rule(0.0, self.alpha, self.name), value, note)
        means = Means(treated.value, control.value, treated.variance / treated.n, control.variance / control.n)
        rule = Rule(mixture_critical(sizes.effective_n, self.alpha, self.tightest_at), self.alpha, self.name)
        error = (means.top_variance + means.bottom_variance) ** 0.5
        z = (means.top - means.bottom) / error if error else 0.0
        p_value = mixture_p_value(z, sizes.effective_n, self.alpha, self.tightest_at) if error else None
        return contrast_of(means, sizes, rule, p_value)


def scarcest(sample: Sample) -> int:
    """Events, or non-events of a 0/1 metric, whichever are fewer."""
    return int(scarcer(sample.events, sample.n, sample.binary))
