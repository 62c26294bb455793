"""Are draws uniform, and independent of the variant?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.checks.tables import Table, merged
from offline_eval.ab.evidence import average, multinomial

BINS = 16


@dataclass(frozen=True, slots=True)
class DrawIndependence:
    """The draws u in sixteenths of [0, 1), by variant: each row must be uniform, hence equal to the others.

    If one hash served both enrolment and draw, a variant would see only a part of the draws. Sequential multinomial
    test for each variant (Lindon & Malek 2022), averaged. Draws of repeated requests are counted once.

    Attributes:
        table: variant → counts by bin.
    """

    name: ClassVar[str] = "draw_independence"
    claims: ClassVar[str] = (
        "fails wrongly at most once in a thousand experiments, looked at after every draw; exact (measured by "
        "benchmarks.claims, family checks (docs/claims.md))"
    )
    blocking: ClassVar[bool] = True
    table: Table

    @classmethod
    def of(cls, draws: Mapping[str, ArrayLike]) -> "DrawIndependence":
        """From variant → (n,) draws in [0, 1)."""
        return cls(
            {
                variant: tuple(int(c) for c in np.bincount((np.asarray(u) * BINS).astype(int), minlength=BINS))
                for variant, u in draws.items()
            }
        )

    def __add__(self, other: "DrawIndependence") -> "DrawIndependence":
        return DrawIndependence(merged(self.table, other.table))

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Failed where a variant's draws are not uniform."""
        evidence = {v: multinomial(counts, [1 / BINS] * BINS) for v, counts in self.table.items() if sum(counts)}
        if not evidence:
            return CheckResult(self.name, "too_few", None, "no draws yet")
        worst = max(evidence, key=lambda variant: evidence[variant])
        counts = self.table[worst]
        detail = f"least uniform: {worst}, {min(counts)} to {max(counts)} draws per bin of {sum(counts) / BINS:.1f}"
        clearest = average([_from_a_half(sum(counts)) for counts in self.table.values() if sum(counts)])
        return judged(self, Evidence(average(list(evidence.values())), clearest), alpha, detail)


def _from_a_half(draws: int) -> float:
    """Log evidence of so many draws from one half of [0, 1) only, as one hash for two questions makes them."""
    half = BINS // 2
    return multinomial([draws / half] * half + [0.0] * half, [1 / BINS] * BINS)
