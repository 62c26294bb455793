"""What the routes around experiments take and give."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.bodies import Body
from experiments.model.designing.definition import Definition

Finite = Annotated[float, Field(allow_inf_nan=False)]
Instant = Annotated[AwareDatetime, Field(strict=False)]


class ArmPatch(Body):
    """A manual adjustment. What is null ends the adjustment of that kind that is in force; what is left out stays."""

    enabled: bool | None = None
    cost: Annotated[Finite | None, Field(description="reward cost, in the experiment's currency")] = None
    weight: Annotated[Finite | None, Field(description="the arm's probability, above 0 and below 1")] = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    expires_at: Instant | None = None


class VariantPatch(Body):
    """Pause a variant, or resume it: its units stay its own, and get what the control gets while it is paused."""

    enabled: bool
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class FaultDocument(BaseModel):
    """A place in the body and a sentence."""

    pointer: str
    detail: str


class Head(BaseModel):
    """An experiment's state."""

    key: str
    name: str
    status: str
    version: int
    revision: int
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    clock_now: datetime | None


class AdjustmentDocument(BaseModel):
    """An adjustment in force: one of enabled, cost and weight, of an arm or (enabled only) of a variant."""

    arm: str | None = None
    variant: str | None = None
    enabled: bool | None = None
    cost: float | None = None
    weight: float | None = None
    reason: str
    by: str
    since: datetime
    expires_at: datetime | None


class ExperimentDocument(Definition):
    """A definition with its state and the adjustments in force."""

    status: str
    version: int
    revision: int
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    clock_now: datetime | None
    adjustments: list[AdjustmentDocument]
    warnings: Annotated[list[FaultDocument], Field(description="empty but where the definition was just stored")]


class Heads(BaseModel):
    """A page of experiments."""

    items: list[Head]
    next_cursor: str | None


class RevisionDocument(BaseModel):
    """A definition as it was when decisions were made under it."""

    number: int
    opened_at: datetime
    definition: dict[str, Any]
    cap_origin: str | None = Field(
        description="what `cap_revenue` was proposed from and taken at the start; null where it was stated"
    )


class Revisions(BaseModel):
    """All revisions of an experiment."""

    items: list[RevisionDocument]


class Validation(BaseModel):
    """What would come of a sound definition; one with faults is answered with 422 and all of them."""

    model_config = ConfigDict(json_schema_extra={"description": "with `?validate_only=true`"})

    valid: bool
    warnings: list[FaultDocument]
    definition: dict[str, Any]
    proposed: dict[str, float] = Field(
        description="values that were not stated and are taken at the start unless others are: `cap_revenue`"
    )
