"""Bodies of the routes about A/A runs."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.bodies import Body
from api.schemas.replays import ReplayHead


class AaBody(Body):
    """How often the units are randomised anew, and which share of them each time is "treated"."""

    salts: int = Field(default=1000, ge=1, le=10_000)
    share: float = Field(default=0.5, ge=0.05, le=0.95)


class AaDocument(ReplayHead):
    """A run; `result` gives for each metric and test how often it cried wolf, with exact 99.9 % bounds."""

    result: dict[str, Any] | None


class AaRuns(BaseModel):
    """A page of runs."""

    model_config = ConfigDict(title="A/A runs")

    items: list[ReplayHead]
    next_cursor: str | None
