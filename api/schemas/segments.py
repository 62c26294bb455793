"""Bodies of the routes about segments."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from api.schemas.bodies import Body
from experiments.model.designing.fields import Duration, Key, Name
from experiments.services.segmenting.membership import MOST_AT_ONCE
from experiments.views.paging import MAX_LIMIT, Wanted

UnitId = Annotated[str, Field(min_length=1, max_length=512)]
Value = Annotated[str, Field(min_length=1, max_length=100)]


class SegmentBody(Body):
    """A segment. `kind`: inactivity, lapsed, never_returned, rule or external; `params` are those of the kind."""

    key: Key
    kind: Annotated[str, Field(max_length=100)]
    params: dict[str, Any] = Field(default={})
    name: Name | None = None
    refresh_every: Duration | None = Field(default="P1D", validate_default=True)
    drift_threshold: float = Field(0.2, gt=0, le=1000, allow_inf_nan=False)


class SegmentChanges(Body):
    """What to change; other parameters fill the segment anew."""

    name: Name = "unchanged"
    params: dict[str, Any] = Field(default={})
    refresh_every: Duration | None = None
    drift_threshold: float = Field(0.2, gt=0, le=1000, allow_inf_nan=False)


class MemberBody(Body):
    """A unit and its value in the segment."""

    unit_id: UnitId
    value: Value = "member"


class MembersBody(Body):
    """Units that belong, and units that leave; whoever is not named stays as it is."""

    members: list[MemberBody] = Field(default=[], max_length=MOST_AT_ONCE)
    leave: list[UnitId] = Field(default=[], max_length=MOST_AT_ONCE)


class Changed(BaseModel):
    """How many units changed; `erased`: how many were not taken, because their persons were erased."""

    changed: int
    erased: int = 0


class Drift(BaseModel):
    """Population stability index against the segment four weeks ago (or its first refresh)."""

    value: float | None
    threshold: float
    drifted: bool


class SegmentHead(BaseModel):
    """A segment with the sizes of its last refresh; `feature` is its name in rules and contexts."""

    key: str
    name: str
    kind: str
    params: dict[str, Any]
    feature: str
    refresh_every: str | None
    due_at: datetime | None
    refreshed_at: datetime | None
    units: int | None
    sizes: dict[str, int]
    drift: Drift
    error: str | None
    created_at: datetime
    created_by: str


class FlowDocument(BaseModel):
    """How many units moved from one value to another since the refresh before; null is outside."""

    from_: str | None = Field(alias="from")
    to: str | None
    units: int


class SegmentDocument(SegmentHead):
    """One segment with its flow and its last refreshes."""

    model: dict[str, Any] | None
    flow: list[FlowDocument]
    refreshing: bool
    refreshes: list[dict[str, Any]]


class Segments(BaseModel):
    """A page of segments."""

    items: list[SegmentHead]
    next_cursor: str | None


class MemberDocument(BaseModel):
    """A unit in a segment, under this value since an instant."""

    unit_id: str
    value: str
    features: dict[str, float]
    since: datetime


class Members(BaseModel):
    """A page of members."""

    items: list[MemberDocument]
    next_cursor: str | None


class MoveDocument(BaseModel):
    """One move; null is outside."""

    unit_id: str
    from_: str | None = Field(alias="from")
    to: str | None
    changed_at: datetime


class Moves(BaseModel):
    """A page of moves."""

    items: list[MoveDocument]
    next_cursor: str | None


def members_page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2800)] = None,
) -> Wanted:
    """Which page of a list in the order of unit ids."""
    return Wanted(limit, cursor, request.scope["path"])
