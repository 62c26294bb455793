"""Sample-ratio mismatch of variants with fixed shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, Evidence, judged
from offline_eval.ab.evidence import multinomial


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Units by variant in one revision, and the shares they were meant to have."""

    counts: Mapping[str, int]
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Units by variant against the shares of each revision: sequential multinomial test.

    Lindon & Malek (2022), see `evidence.multinomial`; revisions enrol different units, so that their e-values multiply.

    Attributes:
        revisions: revision → who was enrolled.
    """

    name: ClassVar[str] = "sample_ratio"
    claims: ClassVar[str] = (
        "fails wrongly at most once in a thousand experiments, looked at after every unit; exact "
        "(docs/results/readout_coverage.md, mismatch tests; also measured by benchmarks.claims, family checks "
        "(docs/claims.md))"
    )
    blocking: ClassVar[bool] = True
    revisions: Mapping[int, Enrolment]

    def __add__(self, other: "SampleRatio") -> "SampleRatio":
        revisions = dict(self.revisions)
        for number, theirs in other.revisions.items():
            mine = revisions.get(number, Enrolment({}, theirs.shares))
            names = {**mine.counts, **theirs.counts}
            counts = {name: mine.counts.get(name, 0) + theirs.counts.get(name, 0) for name in names}
            revisions[number] = Enrolment(counts, theirs.shares)
        return SampleRatio(revisions)

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """Failed where the observed shares cannot be chance."""
        log_evidence, clearest, told = 0.0, 0.0, []
        for number, enrolment in sorted(self.revisions.items()):
            strangers = [name for name, count in enrolment.counts.items() if count and not enrolment.shares.get(name)]
            if strangers:
                detail = f"revision {number}: {', '.join(strangers)} has units but no share"
                return CheckResult(self.name, "failed", 0.0, detail)
            counts = [enrolment.counts.get(name, 0) for name in enrolment.shares]
            log_evidence += multinomial(counts, list(enrolment.shares.values())) if sum(counts) else 0.0
            clearest += _without_scarcest(sum(counts), list(enrolment.shares.values()))
            told.append(_shares(number, enrolment))
        return judged(self, Evidence(log_evidence, clearest), alpha, "; ".join(told) or "nobody enrolled yet")


def _without_scarcest(units: int, shares: Sequence[float]) -> float:
    """Log evidence of so many units in which the smallest variant has got nobody."""
    if units == 0 or len(shares) < 2:
        return 0.0
    others = np.asarray(shares, dtype=np.float64)
    others[np.argmin(np.where(others > 0, others, np.inf))] = 0.0
    return multinomial(units * others / others.sum(), shares) if others.any() else 0.0


def _shares(number: int, enrolment: Enrolment) -> str:
    total, whole = sum(enrolment.counts.values()) or 1, sum(enrolment.shares.values())
    seen = [
        f"{name} {enrolment.counts.get(name, 0) / total:.2%} (meant {share / whole:.2%})"
        for name, share in enrolment.shares.items()
    ]
    return f"revision {number}: {', '.join(seen)}"
