"""What a trust check says, and what every check is."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

from offline_eval.ab.evidence import p_value_of

LIFETIME_ALPHA = 0.001
"""How often, over an experiment's whole life, a check may raise a false alarm."""

Status = Literal["ok", "warning", "failed", "too_few"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line above the readout. `failed` outranks every lift; `warning` is said beside it."""

    name: str
    status: Status
    p_value: float | None
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the contract."""
        return {"name": self.name, "status": self.status, "p_value": self.p_value, "detail": self.detail}


class TrustCheck(Protocol):
    """Sufficient statistics of one check; `a + b` are those of both parts.

    Class attributes:
        name: key in CHECKS.
        claims: how often it fails wrongly, and under which way of looking.
        blocking: whether its failure means that no lift can be trusted; others warn.
    """

    name: ClassVar[str]
    claims: ClassVar[str]
    blocking: ClassVar[bool]

    def __add__(self, other: Self) -> Self:
        """The statistics of both parts."""
        ...

    def result(self, alpha: float = LIFETIME_ALPHA) -> CheckResult:
        """What they say."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """Logarithms of e-values against "nothing is wrong".

    Attributes:
        found: of what was seen. clearest: of the clearest fault that as many decisions could show, such as a variant
            that got nobody.
    """

    found: float
    clearest: float


def judged(check: TrustCheck, evidence: Evidence, alpha: float, detail: str) -> CheckResult:
    """Failed (or warned) where p ≤ alpha; "too few" where not even the clearest fault would show: that is no pass."""
    found = tested(check, p_value_of(evidence.found), alpha, detail)
    if found.status == "ok" and p_value_of(evidence.clearest) > alpha:
        return CheckResult(check.name, "too_few", None, f"even the clearest fault would not show yet; {detail}")
    return found


def tested(check: TrustCheck, p_value: float, alpha: float, detail: str) -> CheckResult:
    """Failed (or warned) where p ≤ alpha."""
    bad: Status = "failed" if check.blocking else "warning"
    return CheckResult(check.name, bad if p_value <= alpha else "ok", p_value, detail)
