"""Who takes part, and under which variant: pure functions of the unit's id, the facts and the time."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from bandit.rounds import Scalar
from bandit.rules import compile_rule
from experiments.model.deciding.hashing import h
from experiments.model.designing.definition import Definition
from experiments.model.times import duration_micros, to_micros

Refusal = Literal["not_enrolled", "not_eligible", "ended"]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What an experiment shares with others: the global holdout, and its layer's salt (None where it has no layer)."""

    holdout_share: float = 0.0
    holdout_salt: bytes = b""
    layer_salt: bytes | None = None


class Enrolment:
    """The questions before any arm is thought of, in their order."""

    def __init__(self, definition: Definition, salt: bytes, started_at: int | None, sharing: Sharing) -> None:
        self._salt, self._sharing, self._layer = salt, sharing, definition.layer
        self._rule: Callable[[Mapping[str, Scalar]], bool] | None = None
        if definition.eligible is not None:
            self._rule = compile_rule(definition.eligible)
        self._starts = None if definition.starts_at is None else to_micros(definition.starts_at)
        self._ends = None if definition.ends_at is None else to_micros(definition.ends_at)
        self._ramp = sorted((duration_micros(step.after), step.share) for step in definition.ramp)
        self._anchor = started_at if started_at is not None else (self._starts or 0)
        self._shares = list(accumulate(variant.share for variant in definition.variants))

    def refusal(self, unit_id: str, facts: Mapping[str, Scalar], at: int) -> Refusal | None:
        """`ended`, `not_enrolled` or `not_eligible`; None where the unit takes part at this instant."""
        if self._ends is not None and at >= self._ends:
            return "ended"
        if self.is_held_out(unit_id):
            return "not_enrolled"
        return self._own_refusal(unit_id, facts, at)

    def is_held_out(self, unit_id: str) -> bool:
        """Whether the unit is in the global holdout."""
        sharing = self._sharing
        return bool(sharing.holdout_share) and h(sharing.holdout_salt, "holdout", unit_id) < sharing.holdout_share

    def would_take_part(self, unit_id: str, facts: Mapping[str, Scalar], at: int) -> bool:
        """Whether the unit takes part at this instant, or would if there were no global holdout."""
        over = self._ends is not None and at >= self._ends
        return not over and self._own_refusal(unit_id, facts, at) is None

    def _own_refusal(self, unit_id: str, facts: Mapping[str, Scalar], at: int) -> Refusal | None:
        if not self._enrolled(unit_id, at):
            return "not_enrolled"
        if self._rule is not None and not self._rule(facts):
            return "not_eligible"
        return None

    def variant(self, unit_id: str) -> int:
        """The place of the unit's variant: a hash of the unit against shares that are fixed per revision."""
        if len(self._shares) == 1:
            return 0
        place = bisect_right(self._shares, h(self._salt, "variant", unit_id) * self._shares[-1])
        return min(place, len(self._shares) - 1)

    def ramp_share(self, at: int) -> float:
        """The share of the units that is enrolled at this instant; 1 without a ramp, 0 before its first step."""
        if not self._ramp:
            return 1.0
        return next((share for after, share in reversed(self._ramp) if at - self._anchor >= after), 0.0)

    def _enrolled(self, unit_id: str, at: int) -> bool:
        if self._starts is not None and at < self._starts:
            return False
        sharing, layer = self._sharing, self._layer
        if layer is not None:
            place = h(sharing.layer_salt or layer.key.encode(), "layer", unit_id)
            offset = layer.offset or 0.0
            if not offset <= place < offset + layer.share:
                return False
        share = self.ramp_share(at)
        return share >= 1.0 or h(self._salt, "enrol", unit_id) < share
