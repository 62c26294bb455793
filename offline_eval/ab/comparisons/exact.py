"""Exact test of two proportions, for small counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from offline_eval.ab.contrast import Contrast, Rule, Sizes, need, unknown
from offline_eval.ab.proportion import Proportion, clopper_pearson, proportions_contrast
from offline_eval.ab.sample import Sample

TESTS: dict[str, Callable[[NDArray[np.int64]], float]] = {
    "fisher": lambda table: float(scipy.stats.fisher_exact(table).pvalue),
    "barnard": lambda table: float(scipy.stats.barnard_exact(table).pvalue),
}


@dataclass(frozen=True, slots=True)
class Exact:
    """Fisher's (1935) or Barnard's (1945) test; bounds by combining the two groups' Clopper-Pearson limits.

    Bounds recovered from each group's own limits (MOVER): Zou & Donner (2008), Stat. Med. 27, 1693-1702 for the
    difference; Donner & Zou (2012), Stat. Methods Med. Res. 21, 347-359 for the ratio. They are not the inversion of
    the test: at the border, p and bounds may disagree. Fisher's test takes any counts; Barnard's is the more powerful
    one, and slow beyond a hundred units.
    """

    name: ClassVar[str] = "exact"
    claims: ClassVar[str] = (
        "the test's error rate holds at every sample size; the bounds cover at least the nominal level in "
        "complete enumeration at 10 to 60 units a group (tests/offline_eval/ab/test_exact_coverage.py; "
        "docs/results/readout_coverage.md); one look"
    )
    anytime: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"binary"})
    alpha: float = 0.05
    test: str = "fisher"

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """The contrast of two proportions. Raises ComparisonError where the metric is not 0/1."""
        need(self, treated, control)
        sizes = Sizes(treated.n, control.n)
        top, bottom = (clopper_pearson(sample.events, sample.n, self.alpha) for sample in (treated, control))
        rule = Rule(0.0, self.alpha, self.name)
        if top.n == 0 or bottom.n == 0:
            return unknown(sizes, rule, None, "too few: a group has no units")
        return proportions_contrast((top, bottom), sizes, rule, self._p_value(top, bottom))

    def _p_value(self, top: Proportion, bottom: Proportion) -> float:
        table = np.array([[top.events, bottom.events], [top.n - top.events, bottom.n - bottom.events]])
        return TESTS[self.test](table)
