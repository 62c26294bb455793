"""What a batch gave and what limits and rules left out of it, added up block by block."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.model.deciding.record import decode_record
from experiments.model.listing import listed
from experiments.services.batching.results import Answer
from experiments.services.deciding.replies import AssignmentAnswer


class Report(NamedTuple):
    """Decisions by arm, by reason those that left some arm out, and the instant at which each reason was first met; why
    the first row was refused that was."""

    arms: Mapping[str, int]
    excluded: Mapping[str, int]
    since: Mapping[str, int]
    refusal: str | None = None

    def then(self, other: "Report") -> "Report":
        """Both."""
        since = {key: min(each[key] for each in (self.since, other.since) if key in each) for key in _keys(self, other)}
        arms, excluded = Counter(self.arms) + Counter(other.arms), Counter(self.excluded) + Counter(other.excluded)
        return Report(arms, excluded, since, self.refusal or other.refusal)

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        counted = {"arms": dict(self.arms), "excluded": dict(self.excluded), "since": dict(self.since)}
        return counted if self.refusal is None else {**counted, "refusal": self.refusal}


NOTHING_YET = Report({}, {}, {})
_DECIDED = ("new", "repeat", "forced")


def report_of(answers: Sequence[Answer]) -> Report:
    """The report of one block. Records of decisions that were found again are read for it."""
    arms, excluded, since = Counter[str](), Counter[str](), dict[str, int]()
    for answer in answers:
        if not isinstance(answer, AssignmentAnswer) or answer.row is None:
            continue
        row = answer.row
        arms[row.arm] += 1
        record = decode_record(row.record) if answer.record is None else answer.record
        for reason in set(record.excluded.values()):
            excluded[reason] += 1
            since[reason] = min(since.get(reason, row.decided_at), row.decided_at)
    refusal = next((f"{answer:.500}" for answer in map(_refused_with, answers) if answer), None)
    return Report(arms, excluded, since, refusal)


def nobody_decided(counts: Mapping[str, int], refusal: str | None) -> str | None:
    """Why a batch that came to its end is no success: it left nobody with a decision. None where it did."""
    if any(counts.get(reason) for reason in _DECIDED):
        return None
    if not any(counts.values()):
        return "there was nobody to decide for"
    told = listed([f"{count:,} {reason}" for reason, count in sorted(counts.items()) if count])
    return f"nobody was decided: {told}" + ("" if refusal is None else f"; the first refusal: {refusal}")


def report_from(stored: Mapping[str, Any]) -> Report:
    """The report that was stored; an empty one of a batch that has kept nothing yet."""
    arms, excluded, since = (stored.get(name, {}) for name in ("arms", "excluded", "since"))
    return Report(arms, excluded, since, stored.get("refusal"))


def _refused_with(answer: Answer) -> str:
    return "" if isinstance(answer, AssignmentAnswer) else str(answer)


def _keys(*reports: Report) -> set[str]:
    return {key for report in reports for key in report.since}
