"""Bodies of the routes about batch decisions."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from api.schemas.bodies import Body
from experiments.model.designing.fields import Key

Moment = Annotated[AwareDatetime, Field(strict=False, description="RFC 3339 with an offset")]


class BatchBody(Body):
    """Whom to decide for: a segment (under some of its values), a file, rows, or by default every stored profile.

    `file` lies below the folder that the service is configured to read (Parquet, CSV or JSON lines: `unit_id`, other
    columns are context). `assignments` are rows themselves. `at` is for experiments on the caller's clock.
    """

    segment: Key | None = None
    values: list[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]] = Field(
        default=[], max_length=1000
    )
    file: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    assignments: list[dict[str, Any]] | None = Field(default=None, min_length=1, max_length=100_000)
    at: Moment | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "BatchBody":
        if sum(each is not None for each in (self.segment, self.file, self.assignments)) > 1:
            raise ValueError("give one of `segment`, `file` and `assignments`")
        if self.values and self.segment is None:
            raise ValueError("`values` are those of a `segment`")
        return self


class Exclusion(BaseModel):
    """Decisions that left an arm out for a reason, and the instant of the first: since then a budget was at its end."""

    decisions: int
    since: datetime


class BatchDocument(BaseModel):
    """A batch. `counts` are of answers by reason; `refused` are rows that were no request.

    `arms` counts decisions by arm, `excluded` by reason those that left any arm out, and since when; `warnings` name
    the totals that may end inside the batch.
    """

    id: int
    experiment: str
    status: str
    request: dict[str, Any]
    total: int | None
    done: int
    progress: float
    counts: dict[str, int]
    arms: dict[str, int]
    excluded: dict[str, Exclusion]
    warnings: list[str]
    error: str | None
    created_by: str
    asked_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Batches(BaseModel):
    """A page of batches."""

    items: list[BatchDocument]
    next_cursor: str | None
