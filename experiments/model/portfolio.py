"""The portfolio's vocabulary: sides of the global holdout, days, and what outcomes add."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from experiments.model.designing.kinds import METRIC_FACTS
from experiments.model.times import HOUR

DAY = 24 * HOUR
UNITS = "#units"
"""Units by the day on which they were enrolled."""

REENGAGEMENT = "reengagement"
"""Units by the day on which they first came back since they were enrolled."""

RETURNS = frozenset(METRIC_FACTS[REENGAGEMENT].kinds)
SUMMED = frozenset(kind for facts in METRIC_FACTS.values() if facts.aggregate == "sum" for kind in facts.kinds)
COUNTED = frozenset({"session", "participation", "conversion", "unsubscribe", "reward_redeemed"})
COSTS = ("reward_cost", "contact_cost")
MILLIONTHS = 1_000_000


class Member(NamedTuple):
    """A unit on its side. `share` is the holdout's at its enrolment, in millionths."""

    unit_id: str
    share: int
    held_out: int
    bucket: int
    enrolled_at: int
    returned_at: int | None = None


class Happened(NamedTuple):
    """An outcome that names its unit."""

    id: int
    unit_id: str
    kind: str
    value: float | None
    occurred_at: int


class Amount(NamedTuple):
    """What is added to one bucket of one row of sums."""

    day: int
    share: int
    held_out: int
    metric: str
    bucket: int
    value: float


def amount(member: Member, at: int, metric: str, value: float) -> Amount:
    """For a member at an instant."""
    return Amount(at // DAY, member.share, member.held_out, metric, member.bucket, value)


def amounts_of(member: Member, outcomes: Iterable[Happened]) -> tuple[list[Amount], int | None]:
    """What a member's outcomes since its enrolment add, and when it first came back (None: not yet)."""
    counted = [each for each in outcomes if each.occurred_at >= member.enrolled_at]
    added = [
        amount(member, each.occurred_at, each.kind, (each.value or 0.0) if each.kind in SUMMED else 1.0)
        for each in counted
        if each.kind in SUMMED or each.kind in COUNTED
    ]
    returned = member.returned_at
    back = [each.occurred_at for each in counted if each.kind in RETURNS]
    if returned is None and back:
        returned = min(back)
        added.append(amount(member, returned, REENGAGEMENT, 1.0))
    return added, returned


def share_at(setting: Mapping[str, Any], at: int) -> int:
    """The holdout's share at an instant, in millionths; before its history begins it was what it is."""
    history = setting.get("history") or [{"since": 0, "share": setting["share"]}]
    known = [entry["share"] for entry in history if entry["since"] <= at]
    return round((known[-1] if known else 0.0) * MILLIONTHS)
