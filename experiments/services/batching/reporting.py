"""What a batch gave and what limits and rules left out of it, added up block by block."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from experiments.model.record import decode_record
from experiments.services.batching.results import Answer
from experiments.services.deciding.replies import Settled


class Report(NamedTuple):
    """Decisions by arm, by reason those that left some arm out, and the instant at which each reason was first met."""

    arms: Mapping[str, int]
    excluded: Mapping[str, int]
    since: Mapping[str, int]

    def then(self, other: "Report") -> "Report":
        """Both."""
        since = {key: min(each[key] for each in (self.since, other.since) if key in each) for key in _keys(self, other)}
        return Report(Counter(self.arms) + Counter(other.arms), Counter(self.excluded) + Counter(other.excluded), since)

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return {"arms": dict(self.arms), "excluded": dict(self.excluded), "since": dict(self.since)}


NOTHING_YET = Report({}, {}, {})


def report_of(answers: Iterable[Answer]) -> Report:
    """The report of one block. Records of decisions that were found again are read for it."""
    arms, excluded, since = Counter[str](), Counter[str](), dict[str, int]()
    for answer in answers:
        if not isinstance(answer, Settled) or answer.row is None:
            continue
        row = answer.row
        arms[row.arm] += 1
        record = decode_record(row.record) if answer.record is None else answer.record
        for reason in set(record.excluded.values()):
            excluded[reason] += 1
            since[reason] = min(since.get(reason, row.decided_at), row.decided_at)
    return Report(arms, excluded, since)


def report_from(stored: Mapping[str, Any]) -> Report:
    """The report that was stored; an empty one of a batch that has kept nothing yet."""
    return Report(*(stored.get(name, {}) for name in Report._fields))


def _keys(*reports: Report) -> set[str]:
    return {key for report in reports for key in report.since}
