"""Answers of the routes about results and learning."""

from typing import Any

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


class Verdict(BaseModel):
    """What to do, in a word, and why."""

    word: str
    reason: str


class Counts(BaseModel):
    """Decisions by where they stand. `decisions` and `open` are null in the readout of one segment."""

    decisions: int | None
    matured: int
    open: int | None
    void: int
    forced: int


class VariantResult(BaseModel):
    """One variant on intention to treat; metrics per matured decision, clustered by unit."""

    units: int
    decisions: int
    metrics: dict[str, Estimate]
    versus: dict[str, Any]


class ArmMetric(BaseModel):
    """`naive` is the plain mean of an arm's decisions: biased where a policy moves traffic by what it sees."""

    naive: Estimate


class ArmResult(BaseModel):
    """One arm over its delivered decisions."""

    units: int
    decisions: int
    metrics: dict[str, ArmMetric]
    versus: dict[str, Any]


class Readout(BaseModel):
    """The readout of an experiment over matured decisions."""

    experiment: str
    revision: int
    as_of: str | None
    segment: str | None
    verdict: Verdict
    checks: list[dict[str, Any]]
    counts: Counts
    variants: dict[str, VariantResult]
    arms: dict[str, ArmResult]
    segments: dict[str, dict[str, int]] = Field(description="segments met, each with its matured decisions")
    money: dict[str, Any] = Field(description="sums over matured decisions by variant, in `currency`")


class LearnerStatus(BaseModel):
    """One learner; `trained_through` and `joined_through` count in the joiner's sequence."""

    variant: str
    policy: str
    revision: int
    snapshot_id: int | None
    loaded_snapshot_id: int | None = Field(description="the snapshot that this API process decides by")
    snapshots: int
    published_at: str | None
    rounds: int
    trained_through: int
    joined_through: int
    settled: bool


class LearningStatus(BaseModel):
    """`settled`: all that has matured by `as_of` is joined and learned, and every snapshot is published."""

    experiment: str
    as_of: str | None
    settled: bool
    pending: int = Field(description="decisions that are due and not joined, counted up to 10,000")
    joined_through: int
    learners: list[LearnerStatus]
