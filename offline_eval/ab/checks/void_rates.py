"""Are decisions voided equally often in every group?"""

from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.checks.tables import Table, merged, opposite
from offline_eval.ab.evidence import homogeneity


@dataclass(frozen=True, slots=True)
class VoidRates:
    """Voided and delivered decisions by variant, or by arm: homogeneity by universal inference (see `evidence`).

    A group that can never bounce, such as a holdout, is left out by the caller.

    Attributes:
        table: group → (voided, delivered).
    """

    name: ClassVar[str] = "void_rates"
    claims: ClassVar[str] = (
        "fails wrongly at most once in a thousand experiments, at any look; exact and conservative (measured by "
        "benchmarks.claims, family checks (docs/claims.md))"
    )
    blocking: ClassVar[bool] = True
    table: Table

    def __add__(self, other: "VoidRates") -> "VoidRates":
        return VoidRates(merged(self.table, other.table))

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Failed where the rates differ."""
        rates = {group: counts[0] / sum(counts) for group, counts in self.table.items() if sum(counts)}
        if len(rates) < 2:
            return CheckResult(self.name, "too_few", None, "fewer than two groups with decisions")
        detail = ", ".join(f"{group} {rate:.2%}" for group, rate in rates.items())
        rows = list(self.table.values())
        evidence = Evidence(homogeneity(rows), homogeneity(opposite(rows)))
        return judged(self, evidence, alpha, f"voided: {detail}")
