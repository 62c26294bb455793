"""What the route of the portfolio gives."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.results import Added, Contrast
from api.schemas.verdicts import Check, Estimate


class Sides(BaseModel):
    """Units that the campaigns could reach, and units that were left alone."""

    reached: int
    held_out: int


class GainDocument(BaseModel):
    """Reached minus held out, per unit; `total` is that times the units reached."""

    per_unit: Contrast
    total: Added


class RatioDocument(Estimate):
    """A ratio; `note` says why there are no bounds: it is unbounded, or it was not computed."""

    unbounded: bool
    not_computed: bool
    note: str


class PortfolioMoney(BaseModel):
    """What was gained, in money."""

    currency: str | None
    margin: float
    revenue: Estimate
    cost: Estimate
    net_value: Estimate
    incremental_roi: RatioDocument
    cost_per_incremental: RatioDocument


class CampaignDocument(BaseModel):
    """A campaign that ran in the span."""

    key: str
    name: str


class PortfolioDocument(BaseModel):
    """All campaigns together against the global holdout, over whole days (UTC) that are complete by `as_of`."""

    since: Annotated[datetime | None, Field(alias="from", description="null before any day is complete")]
    to: datetime | None
    as_of: datetime | None
    holdout_share: float
    summary: Annotated[str, Field(description="in words that need no statistics")]
    checks: list[Check]
    units: Sides
    metrics: dict[str, GainDocument]
    money: Annotated[PortfolioMoney | None, Field(description="null where campaigns have several currencies")]
    campaigns: list[CampaignDocument]
