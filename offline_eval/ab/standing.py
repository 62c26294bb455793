"""Which of several variants pays best, and which are behind it: every pair compared at once.

All pairs are compared at one level, alpha over their number (Bonferroni), with intervals that hold under the way the
experiment is looked at. So whatever is said of whichever pair is wrong in at most alpha of the experiments' lives, and
in particular the variant that is named the best: a false name needs a pair with the true best to be wrong (Hsu 1981,
*Simultaneous confidence intervals for all distances from the "best"*, Ann. Statist. 9).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from offline_eval.ab.verdict import FARTHEST, Finding, Verdict, days_until, difference_told
from offline_eval.estimate import Estimate

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How variants stand to each other.

    Attributes:
        best: better than every other for certain; None where that cannot be said.
        leading: the one with the highest estimate; None where a pair has no bounds yet.
        behind: variant → the leading one against it, where the whole interval says so. open: the same where it does
            not, and a difference worth having is possible.
    """

    best: str | None = None
    leading: str | None = None
    behind: Mapping[str, Finding] | None = None
    open: Mapping[str, Finding] | None = None


def pairs_of(keys: Sequence[str]) -> list[Pair]:
    """Every pair, the earlier key first."""
    return list(combinations(keys, 2))


def standing(differences: Mapping[Pair, Estimate], keys: Sequence[str], like: Finding) -> Standing:
    """From the difference (first minus second) of each of `pairs_of(keys)`.

    `like`: what all findings have in common; its name is the metric's.
    """
    found = {pair: _finding(pair, estimate, like) for pair, estimate in differences.items()}
    found |= {(b, a): _finding((b, a), _negated(one.estimate), like) for (a, b), one in list(found.items())}
    gains = {pair: one.gain[0] for pair, one in found.items() if one.gain is not None}
    if len(keys) < 2 or len(gains) < len(found):
        return Standing()
    won = {key: sum(gains[key, other] >= 0 for other in keys if other != key) for key in keys}
    leading = max(keys, key=lambda key: won[key])
    against = {other: found[leading, other] for other in keys if other != leading}
    behind = {other: one for other, one in against.items() if one.gain and one.gain[1] > 0}
    left = {other: one for other, one in against.items() if other not in behind and not _alike(one)}
    return Standing(leading if len(behind) == len(against) else None, leading, behind, left)


def among_all(found: Verdict, stand: Standing, control: str, days: float | None) -> Verdict:
    """A verdict that looks at all variants: to ship one it must pay best, not only better than the control.

    `found` is the verdict against the control; `days`: how long what stands behind the findings took to come.
    """
    if found.word == "don't trust":
        return found
    found = replace(found, best=stand.best, leading=stand.leading)
    if found.word != "ship" or stand.leading is None or not stand.open:
        return replace(found, reason=_leads(found, stand, control))
    left = [_days_of(one, days) for one in stand.open.values()]
    until = max(left, default=None) if days else None
    told_open = "; ".join(difference_told(one) for one in stand.open.values())
    sentence = f"{found.reason}; {stand.leading} pays best so far, which is not certain yet: {told_open}"
    if until is None or until > FARTHEST:
        return replace(found, word="keep running", reason=sentence)
    sentence += f"; at this pace decided in about {max(until, 1):.0f} days"
    return replace(found, word="keep running", reason=sentence, days_left=until)


def _leads(found: Verdict, stand: Standing, control: str) -> str:
    if stand.best is not None and len(stand.behind or {}) > 1:
        against = "; ".join(difference_told(one) for other, one in (stand.behind or {}).items() if other != control)
        return f"{found.reason}; {stand.best} pays best: {against}" if against else found.reason
    if stand.best is None and stand.leading is not None and found.word == "keep running":
        return f"{found.reason}; {stand.leading} leads so far"
    return found.reason


def _finding(pair: Pair, estimate: Estimate, like: Finding) -> Finding:
    return replace(like, name=f"{pair[0]} against {pair[1]}, {like.name}", estimate=estimate)


def _negated(one: Estimate) -> Estimate:
    value, lower, upper = (None if each is None else -each for each in (one.value, one.upper, one.lower))
    return replace(one, value=value, lower=lower, upper=upper)


def _alike(finding: Finding) -> bool:
    """Whether nothing worth having lies between them."""
    gain = finding.gain
    return gain is not None and -finding.worthwhile < gain[1] and gain[2] < finding.worthwhile


def _days_of(finding: Finding, days: float | None) -> float:
    return days_until(finding, finding.estimate.effective_n / days) if days else FARTHEST + 1
