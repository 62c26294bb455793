"""Sample-ratio mismatch of variants with fixed shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from offline_eval.ab.checks.check import LIFETIME_ALPHA, CheckResult, judged
from offline_eval.ab.evidence import multinomial, p_value_of


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
    claims: ClassVar[str] = "fails wrongly at most once in a thousand experiments, looked at after every unit; exact"
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
        log_evidence, told = 0.0, []
        for number, enrolment in sorted(self.revisions.items()):
            strangers = [name for name, count in enrolment.counts.items() if count and not enrolment.shares.get(name)]
            if strangers:
                detail = f"revision {number}: {', '.join(strangers)} has units but no share"
                return CheckResult(self.name, "failed", 0.0, detail)
            counts = [enrolment.counts.get(name, 0) for name in enrolment.shares]
            log_evidence += multinomial(counts, list(enrolment.shares.values())) if sum(counts) else 0.0
            told.append(_shares(number, enrolment))
        return judged(self, p_value_of(log_evidence), alpha, "; ".join(told) or "nobody enrolled yet")


def _shares(number: int, enrolment: Enrolment) -> str:
    total, whole = sum(enrolment.counts.values()) or 1, sum(enrolment.shares.values())
    seen = [
        f"{name} {enrolment.counts.get(name, 0) / total:.2%} (meant {share / whole:.2%})"
        for name, share in enrolment.shares.items()
    ]
    return f"revision {number}: {', '.join(seen)}"
