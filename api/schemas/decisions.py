"""Bodies and answers of the routes about decisions that were made."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.schemas.bodies import Body
from experiments.model.designing.wording import WORD

VoidReason = Annotated[str, Field(pattern=WORD, description="e.g. undeliverable, suppressed")]
MOST_VOIDS = 1000


class Void(Body):
    """Why a decision was never delivered."""

    reason: VoidReason


class VoidOf(Body):
    """A decision that was never delivered."""

    decision_id: str
    reason: VoidReason | None = None


class Voids(Body):
    """Up to 1,000 decisions; `reason` is for those that give none of their own."""

    decisions: Annotated[list[VoidOf | str], Field(max_length=MOST_VOIDS)]
    reason: VoidReason | None = None


class VoidDocument(BaseModel):
    """A decision that is void; the first reason given stays."""

    decision_id: str
    reason: str
    voided_at: str


class VoidResults(BaseModel):
    """One result for each decision, in order: a VoidDocument, or a problem."""

    results: list[dict[str, Any]]


class DecisionDocument(BaseModel):
    """The whole record of a decision, with its outcomes; `explanation` where one decision was asked for."""

    decision_id: str
    experiment: str
    revision: int
    unit_id: str
    epoch: int
    attempt: int
    variant: str
    arm: str
    propensity: float
    pmf: dict[str, float]
    mode: str
    policy: str
    snapshot_id: int | None
    decided_at: str
    expires_at: str
    matures_at: str
    idempotency_key: str | None
    context: dict[str, Any]
    eligible: list[str]
    excluded: dict[str, str]
    floor: float | None
    weights: dict[str, float]
    costs: dict[str, float]
    snapshots: dict[str, int]
    shadow: dict[str, list[float]]
    shadow_price: float | None
    feature_version: int
    history_version: int
    segment: str
    erased: bool
    void: dict[str, Any] | None
    matured: bool
    round: dict[str, Any] | None
    outcomes: list[dict[str, Any]]
    explanation: dict[str, Any] | None = None
    under_other_variants: dict[str, dict[str, float]] | None = None


class DecisionPage(BaseModel):
    """A page of decisions, newest first."""

    items: list[DecisionDocument]
    next_cursor: str | None
