"""What a readout says first: what to do, whether it can be trusted, and what the numbers are of."""

from typing import Literal

from pydantic import BaseModel, Field


class Estimate(BaseModel):
    """A number with its interval; bounds are null where they are unknown or unbounded."""

    value: float | None
    lower: float | None
    upper: float | None
    n: int
    effective_n: float
    method: str
    alpha: float


class Loss(BaseModel):
    """A variant or an arm that is worse for certain, and what it costs."""

    kind: Literal["variant", "arm"]
    key: str
    versus: str
    estimate: Estimate = Field(description="what is judged, of `key` minus `versus`, per decision")
    per_day: float | None = Field(
        description="the same over the decisions of `key` in a day, the mean of the last 14 days with decisions (UTC)"
    )
    action: str


class Gain(BaseModel):
    """What the leading variant earns beyond the control, for certain."""

    key: str
    versus: str
    estimate: Estimate = Field(description="what is judged, of `key` minus `versus`, per decision")
    per_day: float | None = Field(description="the same over the decisions that `key` gets in a day, as for losses")


class Verdict(BaseModel):
    """What to do, in a word, and why. Of the whole experiment, whatever part is asked for."""

    word: Literal["ship", "keep running", "stop for harm", "no difference worth having", "don't trust"]
    reason: str
    days_left: float | None = Field(description="about how long until it can tell; null where it cannot be said")
    best: str | None = Field(description="the variant that is better than every other for certain")
    leading: str | None = Field(description="the variant that is ahead so far")
    gaining: Gain | None = Field(description="what `leading` earns beyond the control; null where it is not certain")
    losing: list[Loss] = Field(description="variants behind the leading one; in whole readouts also arms")


class Check(BaseModel):
    """A trust check. One that `failed` outranks every lift."""

    name: str
    status: Literal["ok", "warning", "failed", "too_few"]
    p_value: float | None
    detail: str


class Estimand(BaseModel):
    """What verdict, chances and the first numbers are of: `metric` among each variant's metrics, `words` beside them.

    Where the objective is revenue or net value, `metric` is its capped form: each unit's revenue in a revision counts
    up to the cap that was stored before the revision's first decision. Costs are never capped.
    """

    metric: str
    words: str
    cap_revenue: float | None = Field(description="of the newest revision that has one")
    cap_origin: str | None = Field(description="what the cap was proposed from; null where a person stated it")
    above_cap: dict[str, float | None] = Field(description="variant → the share of its revenue that is not counted")
    note: str = Field(description="why nothing is concluded, or which revisions are left out")
