"""Did what was assigned reach the unit, equally often in every variant?"""

from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.checks.tables import Table, merged, opposite
from offline_eval.ab.evidence import homogeneity


@dataclass(frozen=True, slots=True)
class Exposure:
    """Units exposed (delivered, viewed) and not, by variant: homogeneity by universal inference (see `evidence`).

    Warns only: the readout is on intention to treat, and a good treatment may itself be opened more often.

    Attributes:
        table: variant → (exposed, not exposed).
    """

    name: ClassVar[str] = "exposure"
    claims: ClassVar[str] = (
        "warns wrongly at most once in a thousand experiments, at any look; exact and conservative (the test of "
        "void_rates, measured by benchmarks.claims, family checks (docs/claims.md))"
    )
    blocking: ClassVar[bool] = False
    table: Table

    def __add__(self, other: "Exposure") -> "Exposure":
        return Exposure(merged(self.table, other.table))

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Warning where exposure differs."""
        rates = {group: counts[0] / sum(counts) for group, counts in self.table.items() if sum(counts)}
        if len(rates) < 2:
            return CheckResult(self.name, "too_few", None, "fewer than two variants with units to expose to something")
        detail = ", ".join(f"{group} {rate:.2%}" for group, rate in rates.items())
        rows = list(self.table.values())
        evidence = Evidence(homogeneity(rows), homogeneity(opposite(rows)))
        return judged(self, evidence, alpha, f"exposed: {detail}")
