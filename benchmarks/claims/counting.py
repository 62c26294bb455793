"""Claims, how often each was shown and wrong, and exact bounds of that."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from scipy.special import bdtrc, betaincinv

from offline_eval.estimate import Estimate

LIMITS: Mapping[str, float] = {
    "interval": 0.06,
    "sequence": 0.05,
    "verdict": 0.05,
    "discovery": 0.05,
    "mismatch": 0.001,
    "shown": 0.10,
    "bounds": 0.20,
    "answer": 0.0,
    "unclaimed": 1.0,
}
"""Kind of claim → the share of lives in which it may be wrong.

interval: a nominal 95 % interval at one look covers at least 94 %. sequence: no look at a running experiment misses.
verdict: never "ship" or "stop for harm" wrongly. discovery: no segment, arm or policy is called different or better
that is not. mismatch: no trust check fails where nothing is wrong. shown: where the scarcer group has data enough,
something is shown, "wrong" being that nothing was. bounds: the same of sequences of arms. answer: nothing is raised
but a refusal in words. unclaimed: shown, and said to cover nothing; measured all the same.
"""


class Seen(NamedTuple):
    """What one life says of one claim, named "kind: of what"."""

    claim: str
    shown: bool
    wrong: bool


def held(claim: str, estimate: Estimate | None, truth: float, error: float = 0.0) -> Seen:
    """Of an interval: shown where it has a bound, wrong where `truth` lies outside by more than its own `error`."""
    if estimate is None or (estimate.lower is None and estimate.upper is None):
        return Seen(claim, False, False)
    low = estimate.lower is not None and truth < estimate.lower - error
    return Seen(claim, True, low or (estimate.upper is not None and truth > estimate.upper + error))


def at_any_look(claim: str, seen: Iterable[Seen]) -> Seen:
    """One for a whole life: shown where any look shows it, wrong where any is wrong."""
    shown = wrong = False
    for one in seen:
        shown, wrong = shown or one.shown, wrong or (one.shown and one.wrong)
    return Seen(claim, shown, wrong)


def over_looks(looks: Iterable[Iterable[Seen]]) -> Iterator[Seen]:
    """Every claim of a life, whatever look it was made at."""
    by_claim: dict[str, list[Seen]] = {}
    for look in looks:
        for one in look:
            by_claim.setdefault(one.claim, []).append(one)
    yield from (at_any_look(claim, seen) for claim, seen in by_claim.items())


def bounded(claim: str, seen: Seen) -> Seen:
    """That something is shown where there is data enough."""
    return Seen(claim, True, not seen.shown)


@dataclass(frozen=True, slots=True)
class Count:
    """Lives of a design (or of many) for one claim."""

    lives: int = 0
    shown: int = 0
    wrong: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.lives + other.lives, self.shown + other.shown, self.wrong + other.wrong)

    @property
    def rate(self) -> float:
        """P(wrong and shown)."""
        return self.wrong / self.lives if self.lives else 0.0

    @property
    def rate_if_shown(self) -> float | None:
        """P(wrong | shown)."""
        return self.wrong / self.shown if self.shown else None

    @property
    def shown_rate(self) -> float:
        """P(shown)."""
        return self.shown / self.lives if self.lives else 0.0

    def bounds(self, tail: float) -> tuple[float, float]:
        """Clopper & Pearson's (1934) bounds of P(wrong and shown), each at `tail`."""
        left = self.lives - self.wrong
        low = float(betaincinv(self.wrong, left + 1, tail)) if self.wrong else 0.0
        return low, float(betaincinv(self.wrong + 1, left, 1 - tail)) if left else 1.0

    def p_value(self, limit: float) -> float:
        """Chance of as many wrong lives if the claim were just true."""
        return float(bdtrc(self.wrong - 1, self.lives, limit)) if self.wrong else 1.0


Counts = dict[str, Count]


def counted(lives: Iterable[Iterable[Seen]]) -> Counts:
    """Every claim over some lives."""
    found: Counts = {}
    for life in lives:
        for one in life:
            wrong = one.shown and one.wrong
            found[one.claim] = found.get(one.claim, Count()) + Count(1, int(one.shown), int(wrong))
    return found


def merged(left: Counts, right: Counts) -> Counts:
    """The counts of both."""
    return {claim: left.get(claim, Count()) + right.get(claim, Count()) for claim in (*left, *right)}


def kind_of(claim: str) -> str:
    """The part before the colon, a key of LIMITS."""
    return claim.split(":", 1)[0]


def limit_of(claim: str) -> float:
    """How often the claim may be wrong."""
    return LIMITS[kind_of(claim)]


def excluded(claim: str, count: Count, tail: float) -> bool:
    """Whether the exact lower bound lies above what the claim allows."""
    return count.bounds(tail)[0] > limit_of(claim)


def detectable(claim: str, lives: int, tail: float) -> float:
    """The least rate that would be excluded in 80 % of such runs."""
    limit, least = limit_of(claim), 0
    low, high = 0, lives
    while low < high:
        least = (low + high) // 2
        low, high = (low, least) if excluded(claim, Count(lives, lives, least), tail) else (least + 1, high)
    if not excluded(claim, Count(lives, lives, low), tail):
        return 1.0
    return max(float(betaincinv(low, lives - low + 1, 0.8)), limit)
