"""No bounds, where nothing that could be shown would hold."""

from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.contrast import Contrast, Rule, Sizes, unknown
from offline_eval.ab.limits import UNLIMITED
from offline_eval.ab.sample import Sample


@dataclass(frozen=True, slots=True)
class Withheld:
    """The difference alone, and what to state for bounds: no test of a mean keeps both level and power without a bound
    on the amounts (Bahadur & Savage 1956, *The nonexistence of certain statistical procedures in nonparametric
    problems*, Annals of Mathematical Statistics 27, 1115-1122).
    """

    name: ClassVar[str] = "withheld"
    claims: ClassVar[str] = "claims nothing"
    anytime: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    alpha: float = 0.05

    def compare(self, treated: Sample, control: Sample) -> Contrast:
        """Without interval and p-value."""
        sizes = Sizes(treated.n, control.n)
        gap = treated.value - control.value if sizes.treated and sizes.control else None
        return unknown(sizes, Rule(0.0, self.alpha, self.name), gap, UNLIMITED)
