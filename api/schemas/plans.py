"""Bodies of the routes about plans. What a document may hold is checked where plans are made, every fault at once."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.schemas.verdicts import Estimate


class PlannedMetric(BaseModel):
    """What is measured; with an `experiment`, `name` is one of its metrics and supplies the numbers left out."""

    kind: Literal["proportion", "mean", "ratio", "cuped", "capped"] = "proportion"
    name: str | None = None
    base: Annotated[float | None, Field(description="the control's mean, or rate, of one unit")] = None
    deviation: float | None = None
    denominator: float | None = None
    denominator_deviation: float | None = None
    correlation: float | None = None
    cap: Annotated[float | None, Field(description="most that one unit may count, of kind capped")] = None


class PlannedTest(BaseModel):
    """A fixed test: `effect` or `relative_effect` is what shall be found, `audience` how many units there are."""

    effect: float | None = None
    relative_effect: float | None = None
    power: float = 0.8
    alpha: float = 0.05
    arms: Annotated[int, Field(description="treatments beside the control")] = 1
    treated_share: float = 0.5
    audience: int | None = None
    per_day: float | None = None
    peeking: Annotated[bool, Field(description="will be looked at before the end")] = False


class PlannedSegment(BaseModel):
    """Units alike to the policy, and the chance that each arm brings them back."""

    name: str
    share: float = 1.0
    context: dict[str, Any] = {}
    rates: dict[str, float] = {}


class PlannedBandit(BaseModel):
    """A campaign to be simulated; `value` is what a unit that comes back is worth."""

    per_day: int = 1000
    days: int = 30
    delay: int = 1
    replications: int = 20
    policies: list[str] = ["uniform", "squarecb"]
    floor: float = 0.02
    value: float = 1.0
    segments: list[PlannedSegment] = []


class PlannedArm(BaseModel):
    """An arm of the simulated campaign."""

    key: str
    event_type: str | None = None
    reward_amount: float = 0.0
    reward_cost: float = 0.0
    cost_on: str = "decision"
    contact_cost: float = 0.0


class PlanDocument(BaseModel):
    """`metric` and `test`, or `arms` and `bandit`, or both; `experiment` supplies what is left out from its rounds."""

    experiment: str | None = None
    metric: PlannedMetric | None = None
    test: PlannedTest | None = None
    arms: list[PlannedArm] | None = None
    bandit: PlannedBandit | None = None


class FixedPlan(BaseModel):
    """Units in all, in each arm and in the control; power, least detectable effect, days and whole weeks.

    `informative_n`, `informative_days`: until each group is likely to have the 50 events that narrow bounds need.
    """

    n: int
    treated: int
    control: int
    power: float
    detectable: float | None
    days: int | None
    weeks: int | None
    note: str
    informative_n: int | None = None
    informative_days: int | None = None


class BanditPlan(BaseModel):
    """Expectations of one policy over the replications; `days_to_separation` is a median."""

    policy: str
    regret: Estimate
    spend: Estimate
    probability_best: Estimate
    days_to_separation: int | None
    separated_share: float


class PlanResult(BaseModel):
    """What was planned."""

    fixed: FixedPlan | None = None
    bandit: list[BanditPlan] | None = None


class PlanHead(BaseModel):
    """A plan without its result."""

    id: int
    status: Literal["queued", "running", "done", "failed"]
    request: PlanDocument
    error: str | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class PlanReply(PlanHead):
    """A plan; `document` is the request with what its experiment supplied."""

    document: PlanDocument
    result: PlanResult | None


class Plans(BaseModel):
    """A page of plans."""

    items: list[PlanHead]
    next_cursor: str | None
