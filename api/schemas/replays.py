"""Bodies of the routes about replays."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.bodies import Body

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]
# A strict body takes no text for a time, and JSON has no other way to write one.
Moment = Annotated[AwareDatetime, Field(strict=False, description="RFC 3339 with an offset")]


class ReplayBody(Body):
    """What to judge. Everything has a default: the usual candidates, every estimator, the whole log.

    `policies` are names as in results (`uniform`, `fixed:<arm>`, `rules`, a learned policy's name, `shadow:<key>`),
    `variants` those whose rounds are the log (by default all whose policy draws), `start` and `end` a span of
    decision times.
    """

    policies: Names | None = None
    estimators: Names | None = None
    variants: Names | None = None
    outcome_model: str = "linear"
    start: Moment | None = None
    end: Moment | None = None


class ReplayHead(BaseModel):
    """A replay without its result. `progress` is the share of `stage` that is done."""

    id: int
    experiment: str
    status: str
    stage: str
    progress: float
    request: dict[str, Any]
    error: str | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class ReplayDocument(ReplayHead):
    """A replay; `result` is what `winback replay --json` prints."""

    result: dict[str, Any] | None


class Replays(BaseModel):
    """A page of replays."""

    model_config = ConfigDict(title="Replays")

    items: list[ReplayHead]
    next_cursor: str | None
