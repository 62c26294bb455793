"""Do outcomes arrive as late as they used to?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.checks.tables import Table, merged, opposite
from offline_eval.ab.evidence import average, homogeneity


@dataclass(frozen=True, slots=True)
class OutcomeLag:
    """Outcomes by how late they were received, by week or by variant: homogeneity by universal inference.

    A feed that slows down loses outcomes beyond the grace, and one that slows down for one variant makes a lift.

    Attributes:
        table: week or variant → counts by lag bin, the last one being "too late to count".
    """

    name: ClassVar[str] = "outcome_lag"
    claims: ClassVar[str] = (
        "warns wrongly at most once in a thousand experiments, at any look; exact and conservative (the test of "
        "void_rates, measured by benchmarks.claims, family checks (docs/claims.md))"
    )
    blocking: ClassVar[bool] = False
    table: Table

    def __add__(self, other: "OutcomeLag") -> "OutcomeLag":
        return OutcomeLag(merged(self.table, other.table))

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Warning where the lags differ."""
        late = {group: counts[-1] / sum(counts) for group, counts in self.table.items() if sum(counts)}
        if len(late) < 2:
            return CheckResult(self.name, "too_few", None, "fewer than two groups with outcomes")
        detail = ", ".join(f"{group} {share:.2%}" for group, share in late.items())
        evidence = lags_compared(list(self.table.values()), -1)
        return judged(self, evidence, alpha, f"too late to count: {detail}")


def lags_compared(rows: Sequence[Sequence[int]], slow_from: int) -> Evidence:
    """`lag_evidence` of groups by lag bin."""
    return Evidence(lag_evidence(rows, slow_from), lag_evidence(opposite(rows), slow_from))


def lag_evidence(rows: Sequence[Sequence[int]], slow_from: int) -> float:
    """Log evidence against equal lags: the mean of all bins' and of slow against not slow.

    A mean of e-values is one. Bins that stay empty cost the former so much that it may miss what the latter sees.
    """
    halves = [(sum(row[:slow_from]), sum(row[slow_from:])) for row in rows]
    return average([homogeneity(rows), homogeneity(halves)])
