"""Answers of the routes about results and learning."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.verdicts import Check, Estimand, Estimate, Verdict
from experiments.model.designing.kinds import Unit


class ReadoutQuery(BaseModel):
    """Whose decisions, of which span, compared how. Each parameter is said to be wrong together with all others."""

    segment: Annotated[str | None, Field(max_length=1000, description="of this segment alone")] = None
    event_type: Annotated[str | None, Field(max_length=200, description="of arms of this event type alone")] = None
    from_: Annotated[
        str | None, Field(alias="from", max_length=64, description="decided at or after, a whole hour")
    ] = None
    to: Annotated[str | None, Field(max_length=64, description="decided before this whole hour")] = None
    method: Annotated[
        str | None,
        Field(
            max_length=64,
            description="always_valid (default while running), fixed (default once stopped), exact, welch, "
            "large_sample, bayes or non_inferiority",
        ),
    ] = None
    adjustment: Annotated[
        str | None, Field(max_length=64, description="of p-values: benjamini_hochberg (default) or holm")
    ] = None
    worthwhile: Annotated[
        str | None, Field(max_length=32, description="least difference of the objective worth having; 0 by default")
    ] = None

    early: Annotated[
        str | None,
        Field(max_length=5, description="true: with an early view of the rate of all, open ones included"),
    ] = None


class Counts(BaseModel):
    """Decisions by where they stand. `decisions` and `open` are null in the readout of a part."""

    decisions: int | None
    matured: int
    open: int | None
    void: int
    forced: int


class Contrast(BaseModel):
    """Treated minus control, and that as a share of the control's mean. `note` where there is something to know."""

    absolute: Estimate
    relative: Estimate
    p_value: float | None
    p_adjusted: float | None = Field(None, description="for all that is compared together; see multiplicity")
    note: str = ""
    probability_best: float | None = Field(None, description="method bayes: chance that the treated mean is higher")
    expected_loss: float | None = Field(None, description="method bayes: what choosing the treatment costs on average")


class Chance(BaseModel):
    """Of all variants together."""

    probability_best: float
    expected_loss: float


class Mean(Estimate):
    """A mean; `note` says why its bounds are missing."""

    note: str = ""


class VariantResult(BaseModel):
    """One variant on intention to treat; metrics per matured decision, clustered by unit."""

    units: int
    decisions: int
    metrics: dict[str, Mean]
    versus: dict[str, dict[str, Contrast]] = Field(description="control → metric → contrast")
    bayesian: dict[str, Chance] = Field(description="metric → probability of the best mean and expected loss")


class ArmMetric(BaseModel):
    """`naive` is the plain mean of an arm's decisions: biased where a policy moves traffic by what it sees.

    `adjusted` holds then too; it is there for arms that an adaptive variant offers.
    """

    naive: Mean | None
    adjusted: Mean | None = None


class ArmContrast(BaseModel):
    """One arm against another over decisions where both were eligible, valid though the policy moved the traffic."""

    absolute: Estimate
    relative: Estimate
    p_value: float | None
    naive: Estimate = Field(description="the difference of plain means, for comparison only")
    expected_events: float | None
    estimand: str = Field(description="what the number is of, and which share of the decisions that is")
    note: str = ""


class ArmResult(BaseModel):
    """One arm over its delivered decisions."""

    units: int
    decisions: int
    eligible_share: float | None = Field(description="of adaptive variants' decisions, where it and the control were")
    metrics: dict[str, ArmMetric]
    versus: dict[str, dict[str, ArmContrast]] = Field(description="control arm → metric → contrast")


class PartResult(BaseModel):
    """The lifts in one segment, or of one event type."""

    matured: int
    versus: dict[str, dict[str, Contrast]] = Field(description="variant → metric → contrast with the control")
    note: str = ""


class Difference(BaseModel):
    """Do parts differ at all? Cochran's Q at one look; `said` names a part only where both tests say so."""

    q: float
    p_value: float | None
    common: float | None = Field(description="the precision-weighted lift of all parts")
    differing: dict[str, float] = Field(description="part → Holm-adjusted p-value of being unlike all others together")
    left_out: dict[str, str] = Field(
        description="part → why it is not tested: too few events, or too few units behind them"
    )
    said: str


class Differences(BaseModel):
    """Variant → metric → test, read before any part."""

    segments: dict[str, dict[str, Difference]]
    event_types: dict[str, dict[str, Difference]]


class Multiplicity(BaseModel):
    """How p-values are adjusted, and over what."""

    adjustment: str
    family: str


class DayOfMaturity(BaseModel):
    """Decisions whose windows close on a day of the experiment's time zone."""

    day: str
    decisions: int


class EarlyRate(BaseModel):
    """What a variant's rate may come to, by Kaplan and Meier; `note` marks it as no result."""

    rate: Estimate
    open: int
    curve: list[float] = Field(description="share with an event by the end of each 64th of the window")
    note: str


class Early(BaseModel):
    """Variant → early view; `note` where there can be none."""

    note: str
    variants: dict[str, EarlyRate]


class Maturity(BaseModel):
    """Decisions that count for nothing yet, and when they will."""

    open: int
    by_day: list[DayOfMaturity]
    all_by: str | None = Field(description="when the last of those that are open now matures")
    early: Early | None = Field(description="only where it was asked for")


class Ratio(Estimate):
    """A ratio with its confidence set, by Fieller; `note` says in words why there are no bounds: the set was computed
    and is unbounded, or it was not computed."""

    unbounded: bool
    not_computed: bool
    note: str


class Added(Estimate):
    """What a variant added; `note` says why bounds are missing."""

    note: str | None = None


class ComparedDecisions(BaseModel):
    """The decisions that incremental amounts are of."""

    decisions: int
    left_out: dict[str, int] = Field(description="revision without decisions of the control → the variant's in it")


class CappedMoney(BaseModel):
    """Sums over the revisions that have a cap, each user's revenue in a revision counted up to it; costs are uncapped.

    What is incremental is over those revisions in which the control has decisions too.
    """

    revenue: float
    net_value: float
    above_cap: float | None = Field(description="the share of revenue that is not counted")
    incremental: dict[str, Added] = Field({}, description="revenue, net_value → what the variant added in all")
    incremental_roi: Ratio | None = None
    compared: ComparedDecisions | None = None


class Money(BaseModel):
    """Sums over a variant's matured decisions, and what they were beyond the control's means of the same revisions."""

    revenue: float
    margin_revenue: float
    reward_cost: float
    contact_cost: float
    net_value: float
    roi: Ratio
    incremental: dict[str, Added] = Field({}, description="amount, or reengagement → what the variant added in all")
    incremental_roi: Ratio | None = None
    cost_per_incremental: Ratio | None = Field(None, description="added cost for each added re-engagement")
    compared: ComparedDecisions | None = None
    capped: CappedMoney | None = Field(None, description="the same up to the cap; null where no revision has one")


class MetricInfo(BaseModel):
    """What a reader must know of a metric to show its values."""

    unit: Unit = Field(description="`share`: of 1; `money`: in the experiment's currency; `count`: a plain number")
    label: str
    better: Literal["higher", "lower"]


class Readout(BaseModel):
    """The readout of an experiment over matured decisions."""

    experiment: str
    status: str
    revision: int
    as_of: str | None
    segment: str | None
    event_type: str | None
    from_: str | None = Field(alias="from")
    to: str | None
    method: str
    control: str
    objective: str
    estimand: Estimand
    verdict: Verdict
    checks: list[Check]
    notes: list[str]
    metrics: dict[str, MetricInfo] = Field(description="every metric of the readout: its unit, label and direction")
    counts: Counts
    maturity: Maturity
    variants: dict[str, VariantResult]
    arms: dict[str, ArmResult]
    multiplicity: Multiplicity
    differ: Differences
    segments: dict[str, PartResult]
    event_types: dict[str, PartResult]
    money: dict[str, str | Money] = Field(description="`currency`, and by variant its amounts and what they earned")


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
