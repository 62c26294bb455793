"""The verdict in words that stands at the top of every readout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from offline_eval.ab.bounded import Sides
from offline_eval.ab.checks.check import CheckResult
from offline_eval.ab.sequential import TIGHTEST_AT, mixture_critical
from offline_eval.ab.telling import SHARES, with_bounds
from offline_eval.estimate import Estimate

Word = Literal["ship", "keep running", "stop for harm", "no difference worth having", "don't trust"]

NOTHING_TO_COMPARE = "there is nothing to compare: nothing beside the control"

FARTHEST = 3650.0
"""Days ahead beyond which an end is not worth naming."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One contrast that the verdict rests on.

    Attributes:
        name: e.g. "bandit against holdout, net_value".
        estimate: its difference, with an interval that holds under the way the experiment is looked at.
        higher_is_better: false for unsubscribes and costs.
        worthwhile: the least difference worth having (primary), or the worst that is put up with (guardrail), in the
            metric's unit; 0: any.
        unit: how the difference is told: a hundred times it in "points" of a share or in "%", or as it is, in what
            the unit says ("EUR a decision").
        ahead: distances of the bounds once there are so many times the units, if all else stays as it is; None: as
            those of an asymptotic sequence shrink.
        why: why it has no bounds, where it has none.
    """

    name: str
    estimate: Estimate
    higher_is_better: bool = True
    worthwhile: float = 0.0
    unit: str = ""
    ahead: Callable[[float], Sides] | None = None
    why: str = ""

    @property
    def gain(self) -> tuple[float, float, float] | None:
        """(value, lower, upper) with higher better; None without bounds."""
        e = self.estimate
        if e.value is None or e.lower is None or e.upper is None:
            return None
        return (e.value, e.lower, e.upper) if self.higher_is_better else (-e.value, -e.upper, -e.lower)


@dataclass(frozen=True, slots=True)
class Loss:
    """What a variant or an arm costs.

    Attributes:
        key: whose loss it is. versus: compared with which variant or arm.
        estimate: the objective of `key` minus that of `versus`, per decision; its interval says that it is worse.
        per_day: the same over the decisions that `key` gets in a day; None where that cannot be told.
        action: what to do about it.
    """

    kind: Literal["variant", "arm"]
    key: str
    versus: str
    estimate: Estimate
    per_day: float | None
    action: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        who = {"kind": self.kind, "key": self.key, "versus": self.versus}
        return who | {"estimate": self.estimate.as_dict(), "per_day": self.per_day, "action": self.action}


@dataclass(frozen=True, slots=True)
class Gain:
    """What the leading variant earns beyond the control, for certain.

    Attributes:
        estimate: the objective of `key` minus that of `versus`, per decision.
        per_day: the same over the decisions that `key` gets in a day; None where that cannot be told.
    """

    key: str
    versus: str
    estimate: Estimate
    per_day: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        who = {"key": self.key, "versus": self.versus}
        return who | {"estimate": self.estimate.as_dict(), "per_day": self.per_day}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and why.

    Attributes:
        days_left: until about when, where it says to keep running and that can be told.
        best: the variant that is better than every other for certain. leading: the one that is ahead so far.
        gaining: what the leading variant earns beyond the control, where that is certain.
        losing: what is worse for certain, and what it costs.
    """

    word: Word
    reason: str
    days_left: float | None = None
    best: str | None = None
    leading: str | None = None
    gaining: Gain | None = None
    losing: tuple[Loss, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        what = {"word": self.word, "reason": self.reason, "days_left": self.days_left}
        who = {"best": self.best, "leading": self.leading, "gaining": self.gaining.as_dict() if self.gaining else None}
        return what | who | {"losing": [one.as_dict() for one in self.losing]}


def share_of_alpha(alpha: float, primaries: int, guardrails: int) -> float:
    """The level at which each of the findings must be computed, so that the verdict errs at most at rate alpha.

    Bonferroni over everything that may make it say "ship" or "stop for harm". With confidence sequences the rate holds
    for all looks together.
    """
    return alpha / max(primaries + guardrails, 1)


def verdict(
    primaries: Sequence[Finding],
    guardrails: Sequence[Finding] = (),
    checks: Sequence[CheckResult] = (),
    per_day: float | None = None,
) -> Verdict:
    """Checks before breached guardrails, then whether anything worth having is left, then gains before harm.

    With findings from confidence sequences at `share_of_alpha`, "ship" or "stop for harm" is ever said wrongly at most
    at rate alpha. `per_day`: effective units (as the estimates count them) that come in a day.
    """
    failed = [check for check in checks if check.status == "failed"]
    if failed:
        return Verdict("don't trust", "; ".join(f"check {check.name} failed: {check.detail}" for check in failed))
    harmed = [f for f in guardrails if f.gain and f.gain[2] < -f.worthwhile]
    if harmed:
        return Verdict("stop for harm", "; ".join(f"guardrail breached: {difference_told(f)}" for f in harmed))
    known = [(finding, finding.gain) for finding in primaries if finding.gain]
    if known and len(known) == len(primaries) and all(_negligible(finding) for finding in primaries):
        told = "; ".join(difference_told(finding) for finding in primaries)
        return Verdict("no difference worth having", f"{told}: nothing beyond ±{_worthwhile(primaries[0])} is left")
    better = [(gain[0], finding) for finding, gain in known if gain[1] > 0]
    if better:
        best = max(better, key=lambda pair: pair[0])[1]
        return Verdict("ship", f"{difference_told(best)}: the whole interval is better than the control")
    worse = [finding for finding, gain in known if gain[2] < 0]
    if worse:
        return Verdict("stop for harm", "; ".join(f"{difference_told(f)}: the whole interval is worse" for f in worse))
    return _keep_running(primaries, per_day)


def _negligible(finding: Finding) -> bool:
    gain = finding.gain
    return gain is not None and -finding.worthwhile < gain[1] and gain[2] < finding.worthwhile


def difference_told(finding: Finding) -> str:
    """The difference and its bounds, for people."""
    e = finding.estimate
    value, lower, upper = (each or 0.0 for each in (e.value, e.lower, e.upper))
    return f"{finding.name} {with_bounds(value, lower, upper, finding.unit)}"


def _worthwhile(finding: Finding) -> str:
    scale = 100.0 if finding.unit in SHARES else 1.0
    return f"{scale * finding.worthwhile:.4g} {finding.unit}".rstrip()


def undecided(
    primaries: Sequence[Finding], per_day: float | None = None, still_open: int = 0, over: str = "it was stopped"
) -> Verdict:
    """What "keep running" comes to in an experiment that is over: nothing is shown, and nothing is denied.

    "No difference worth having" would be a claim at no known rate of error. `per_day`: effective units that came in a
    day while it ran. `still_open`: decisions that have not matured. `over`: how it ended.
    """
    if not primaries:
        return Verdict("keep running", f"undecided: {NOTHING_TO_COMPARE}")
    known = [finding for finding in primaries if finding.gain]
    told = [f"undecided: {over} before it could tell: {_open_question(primaries)}"]
    days = min((days_until(finding, per_day) for finding in known), default=FARTHEST + 1) if per_day else FARTHEST + 1
    if days <= FARTHEST:
        told.append(f"at the pace it had, about {days:.0f} days more would have told")
    if still_open:
        told.append(f"{still_open:,} open decisions have yet to mature and may tell")
    return Verdict("keep running", "; ".join(told))


def _open_question(primaries: Sequence[Finding]) -> str:
    """What each comparison leaves open; why nothing is known, once where it is the same for all."""
    whys = {finding.why for finding in primaries}
    if len(whys) == 1 and not any(finding.gain for finding in primaries):
        return f"nothing can be said ({whys.pop() or 'no interval'})"
    return "; ".join(
        f"{difference_told(each)}: both better and worse are possible"
        if each.gain
        else f"{each.name}: nothing can be said ({each.why or 'no interval'})"
        for each in primaries
    )


def _keep_running(primaries: Sequence[Finding], per_day: float | None) -> Verdict:
    if not primaries:
        return Verdict("keep running", NOTHING_TO_COMPARE)
    known = [finding for finding in primaries if finding.gain]
    days = min((days_until(finding, per_day) for finding in known), default=None) if per_day else None
    told = _open_question(primaries)
    if days is None:
        return Verdict("keep running", told)
    if days > FARTHEST:
        return Verdict("keep running", f"{told}; at this pace no end is in sight: consider stopping for futility")
    return Verdict("keep running", f"{told}; at this pace decided in about {max(days, 1):.0f} days", days)


def days_until(finding: Finding, per_day: float | None) -> float:
    """Days until the interval would exclude 0, or hold nothing worth having, if the estimate stayed as it is."""
    gain, now = finding.gain, finding.estimate.effective_n
    if gain is None or not per_day or not now:
        return FARTHEST + 1
    aim = max(abs(gain[0]), finding.worthwhile - abs(gain[0]))
    below = (finding.estimate.value or 0.0) > 0
    ahead = finding.ahead or _as_asymptotic(finding)

    def builder(days: int) -> float:
        sides = ahead(1 + days * per_day / now)
        return sides.below if below else sides.above

    low, high = 0, int(FARTHEST) + 1
    if builder(high) > aim:
        return FARTHEST + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if builder(middle) <= aim else (middle, high)
    return float(high)


def _as_asymptotic(finding: Finding) -> Callable[[float], Sides]:
    """How the interval shrinks if it is an asymptotic sequence."""
    e = finding.estimate
    half, now = ((e.upper or 0.0) - (e.lower or 0.0)) / 2, e.effective_n
    scale = half / mixture_critical(now, e.alpha)

    def ahead(times: float) -> Sides:
        each = scale * mixture_critical(now * times, e.alpha, TIGHTEST_AT) / times**0.5
        return Sides(each, each)

    return ahead
