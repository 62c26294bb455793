"""Sample-ratio mismatch of arms whose shares move: against the logged propensities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from offline_eval.ab.adaptive.cells import Rounds
from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.evidence import average, martingale


@dataclass(frozen=True, slots=True)
class Draws:
    """Of one arm: how often drawn, Σ p where it was eligible, and Σ p (1 - p)."""

    drawn: float
    expected: float
    variance: float

    def __add__(self, other: "Draws") -> "Draws":
        return Draws(self.drawn + other.drawn, self.expected + other.expected, self.variance + other.variance)

    @property
    def log_evidence(self) -> float:
        """Against "drawn with the logged probabilities"."""
        return martingale(self.drawn - self.expected, self.variance)

    @property
    def never(self) -> float:
        """The same of an arm that was never drawn."""
        return martingale(-self.expected, self.variance)


@dataclass(frozen=True, slots=True)
class AdaptiveRatio:
    """Draws of each arm minus the sum of its logged probabilities: a martingale if the log is true.

    One e-value for each arm (see `evidence.martingale`), averaged. Holds whatever the policy does.

    Attributes:
        arms: arm → its draws.
    """

    name: ClassVar[str] = "adaptive_ratio"
    claims: ClassVar[str] = (
        "fails wrongly at most once in a thousand experiments, at any look; exact "
        "(docs/results/readout_coverage.md, mismatch tests; also measured by benchmarks.claims, family checks "
        "(docs/claims.md))"
    )
    blocking: ClassVar[bool] = True
    arms: Mapping[str, Draws]

    @classmethod
    def of(cls, arms: Sequence[str], rounds: Rounds) -> "AdaptiveRatio":
        """From the rounds of arm contrasts."""
        drawn = np.bincount(rounds.arm, minlength=len(arms))
        columns = np.stack([drawn, rounds.pmf.sum(axis=0), (rounds.pmf * (1 - rounds.pmf)).sum(axis=0)], axis=1)
        return cls({arm: Draws(*map(float, row)) for arm, row in zip(arms, columns, strict=True)})

    def __add__(self, other: "AdaptiveRatio") -> "AdaptiveRatio":
        nothing = Draws(0.0, 0.0, 0.0)
        names = {**self.arms, **other.arms}
        return AdaptiveRatio({name: self.arms.get(name, nothing) + other.arms.get(name, nothing) for name in names})

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Failed where an arm was drawn more or less often than the log says it should be."""
        evidence = {arm: draws.log_evidence for arm, draws in self.arms.items()}
        if not evidence:
            return CheckResult(self.name, "too_few", None, "no arm was drawn by chance yet")
        worst = max(evidence, key=lambda arm: evidence[arm])
        draws = self.arms[worst]
        detail = f"largest gap: {worst} drawn {draws.drawn:.0f} times, {draws.expected:.1f} expected"
        clearest = average([draws.never for draws in self.arms.values()])
        return judged(self, Evidence(average(list(evidence.values())), clearest), alpha, detail)
