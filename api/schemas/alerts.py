"""What the routes around alerts and guardrails give."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.verdicts import Estimate


class AlertDocument(BaseModel):
    """Something that a person should know, raised once under its name until it is resolved."""

    id: int
    experiment: str | None
    name: str
    severity: Literal["info", "warning", "critical"]
    status: Literal["open", "acknowledged", "resolved"]
    title: str
    detail: dict[str, Any]
    acknowledged_by: str | None
    raised_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None


class Alerts(BaseModel):
    """A page of alerts."""

    items: list[AlertDocument]
    next_cursor: str | None


class GuardrailDocument(BaseModel):
    """One guardrail on one variant or arm; the estimate's interval holds at every look at its share of alpha."""

    metric: str
    on: Literal["variant", "arm"]
    subject: str
    versus: str
    worst: float
    relative: bool
    action: Literal["pause", "alert"]
    status: Literal["too few", "within", "breached", "paused"]
    estimate: Estimate | None
    exact_p_value: float | None = Field(
        None, description="of the exact test of few events, valid at every look; null where it may not judge"
    )
    since_revision: int
    sentence: str


class StopDocument(BaseModel):
    """The stop rules as they were agreed on, and why those that are met are."""

    rules: dict[str, Any]
    met: dict[str, str]


class Guardrails(BaseModel):
    """How an experiment's guardrails and stop rules stand. `alpha` is shared by all guardrails on all subjects."""

    experiment: str
    revision: int
    alpha: float
    guardrails: list[GuardrailDocument]
    stop: StopDocument | None
