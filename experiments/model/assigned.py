"""A decision as it leaves the house."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.model.times import to_rfc3339


class Assigned(NamedTuple):
    """One decision as other systems see it: whom to show what, and the payload that the arm carries."""

    decision_id: str
    unit_id: str
    experiment: str
    revision: int
    variant: str
    arm: str
    event_type: str | None
    reward_kind: str | None
    reward_amount: float
    propensity: float
    decided_at: int
    expires_at: int
    payload: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """With times as RFC 3339."""
        times = {"decided_at": to_rfc3339(self.decided_at), "expires_at": to_rfc3339(self.expires_at)}
        return {**self._asdict(), **times}
