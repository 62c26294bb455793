"""What the worker reads and writes of limits: matured decisions to settle, a budget's totals, prices."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, text
from sqlmodel import Session

from experiments.model.pacing import PacingState
from experiments.model.tables.limits import Pacing

_DUE = """
SELECT l.seq, l.revision, l.arm, d.record, l.metrics, l.voided, d.mode FROM logged_rounds AS l
JOIN decisions AS d ON d.id = l.decision_id
WHERE l.experiment_id = :experiment_id AND l.seq > :after ORDER BY l.seq LIMIT :count
"""
_SETTLE = """
UPDATE limit_totals SET matured = matured + :matured, matured_contingent = matured_contingent + :contingent,
  realised = realised + :realised, settled_seq = :seq
WHERE experiment_id = :experiment_id AND resource = :resource AND settled_seq = :after
"""
_MONEY = """
SELECT resource, settled_seq FROM limit_totals WHERE experiment_id = :experiment_id AND resource IN ('budget', 'reward')
"""
_STANDING = """
SELECT t.used, t.contingent, t.decisions, t.voided, t.voided_contingent, t.matured, t.matured_contingent, t.realised,
  coalesce(sum(l.used), 0) AS leased, coalesce(sum(l.contingent), 0) AS leased_contingent,
  coalesce(sum(l.decisions), 0) AS leased_decisions
FROM limit_totals AS t
LEFT JOIN limit_leases AS l ON l.experiment_id = t.experiment_id AND l.resource = t.resource
WHERE t.experiment_id = :experiment_id AND t.resource = 'budget'
GROUP BY t.experiment_id, t.resource
"""


class Round(NamedTuple):
    """A matured decision as settling sees it."""

    seq: int
    revision: int
    arm: str
    record: str
    metrics: dict[str, float]
    voided: bool
    mode: str


class Standing(NamedTuple):
    """A budget's totals, those of leases included; gross but for what the names say."""

    used: int
    contingent: int
    decisions: int
    voided: int
    voided_contingent: int
    matured: int
    matured_contingent: int
    realised: int

    @property
    def committed(self) -> int:
        """What the hard limit is on."""
        return self.used - self.voided - self.matured + self.realised

    def rate(self, prior: float) -> float:
        """Share of the contingent cost that fell due; `prior` of it is taken to have."""
        redeemed = self.realised - (self.matured - self.matured_contingent)
        return (redeemed + prior) / (self.matured_contingent + prior) if prior > 0.0 else 1.0

    def expected(self, rate: float) -> float:
        """What was paid, and what open decisions are expected to cost."""
        open_contingent = self.contingent - self.voided_contingent - self.matured_contingent
        open_all = self.used - self.voided - self.matured
        return self.realised + open_all - (1.0 - rate) * open_contingent


def unsettled(connection: Connection, experiment_id: int) -> dict[str, int]:
    """Resource → how far its rounds are settled, of those that count money."""
    return {row[0]: row[1] for row in connection.execute(text(_MONEY), {"experiment_id": experiment_id})}


def rounds_after(connection: Connection, experiment_id: int, after: int, count: int) -> list[Round]:
    """Joined rounds in the joiner's order."""
    found = connection.execute(text(_DUE), {"experiment_id": experiment_id, "after": after, "count": count})
    return [
        Round(seq, revision, arm, record, _metrics(metrics), bool(voided), mode)
        for seq, revision, arm, record, metrics, voided, mode in found
    ]


def settle(connection: Connection, place: dict[str, Any], sums: Sequence[int]) -> None:
    """Move a resource's totals and its watermark, which must be where it was read."""
    matured, contingent, realised = sums
    values = {**place, "matured": matured, "contingent": contingent, "realised": realised}
    connection.execute(text(_SETTLE), values)


def standing(connection: Connection, experiment_id: int) -> Standing | None:
    """A budget's totals; None before anything was decided under it."""
    row = connection.execute(text(_STANDING), {"experiment_id": experiment_id}).mappings().first()
    if row is None:
        return None
    return Standing(
        row["used"] + int(row["leased"]),
        row["contingent"] + int(row["leased_contingent"]),
        row["decisions"] + int(row["leased_decisions"]),
        row["voided"],
        row["voided_contingent"],
        row["matured"],
        row["matured_contingent"],
        row["realised"],
    )


def state_of(row: Pacing | None) -> PacingState:
    """What the worker remembers of a budget."""
    return PacingState() if row is None else msgspec.convert(row.state, PacingState)


def remember(session: Session, row: Pacing, state: PacingState) -> None:
    """Store the price with what it was derived from."""
    row.state = msgspec.to_builtins(state)
    session.add(row)


def _metrics(found: Any) -> dict[str, float]:
    return msgspec.json.decode(found, type=dict[str, float]) if isinstance(found, str) else dict(found)
