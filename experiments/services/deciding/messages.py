"""What is asked of the hot path, and what it answers. The same Structs decode, encode and describe the HTTP routes."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

UnitId = Annotated[str, Meta(min_length=1, max_length=512, description="the caller's own id of the unit")]
FeatureName = Annotated[str, Meta(min_length=1, max_length=200)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Meta(max_length=1000)]
Feature = Whole | float | bool | Text | None
Features = Annotated[dict[FeatureName, Feature], Meta(max_length=1000)]
Key = Annotated[str, Meta(min_length=1, max_length=512)]
ArmKey = Annotated[str, Meta(min_length=1, max_length=64)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]

Reason = Literal[
    "new", "repeat", "forced", "not_enrolled", "not_eligible", "suppressed", "erased", "no_arm", "paused", "ended"
]
Mode = Literal["learned", "untrained", "fixed", "forced"]


class Assignment(Struct, forbid_unknown_fields=True):
    """Ask for a unit's arm.

    `idempotency_key` makes a retry answer with the same decision, and is required where the decision window is zero.
    `at` is the caller's clock, for experiments that run on it. `arm` is the caller's own choice, for variants of the
    policy `listed`, or with `force` (scope `experiment`) the arm that a test of one's own needs.
    """

    unit_id: UnitId
    context: Features = {}
    idempotency_key: Key | None = None
    at: Moment | None = None
    arm: ArmKey | None = None
    force: bool = False


class Decision(Struct, tag=False):
    """A decision. With `assigned` false nothing was drawn, and `reason` says why; `pmf` is over the eligible arms.

    `withheld` says why the unit may not be contacted now, although it was decided for: then there is no payload.
    """

    experiment: str
    revision: int
    unit_id: str
    assigned: bool
    reason: Reason
    decision_id: str | None = None
    variant: str | None = None
    arm: str | None = None
    event_type: str | None = None
    reward_kind: str | None = None
    reward_amount: float | None = None
    payload: dict[str, Any] | None = None
    propensity: float | None = None
    pmf: dict[str, float] | None = None
    snapshot_id: int | None = None
    epoch: int | None = None
    attempt: int | None = None
    mode: Mode | None = None
    decided_at: datetime | None = None
    expires_at: datetime | None = None
    withheld: Literal["suppressed"] | None = None


class ClockAdvance(Struct, forbid_unknown_fields=True):
    """Move the caller's clock of an experiment without deciding, so that what is open can mature.

    `confirm` says that a jump of more than 366 days is meant: the clock never goes back.
    """

    at: Moment
    confirm: bool = False


class ClockReading(Struct):
    """Where the caller's clock of an experiment stands."""

    experiment: str
    now: datetime | None


encode = msgspec.json.Encoder().encode
