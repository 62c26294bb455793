"""An experiment's definition as the contract writes it: its shape. What must hold across fields is in `checks`."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_serializer

from bandit.policies import POLICIES
from bandit.policy import Policy
from bandit.rounds import NOTHING, Arm, FeatureSpec, PolicySpec, Scalar
from experiments.model.designing.fields import (
    Cap,
    Duration,
    Feature,
    Finite,
    Key,
    Moment,
    Money,
    Name,
    OutcomeKind,
    Rule,
    Share,
)
from experiments.model.designing.kinds import METRIC_FACTS, Aggregate, MetricFacts, Unit, own_facts
from experiments.model.designing.limits import BudgetDefinition, CapsDefinition, QuietHoursDefinition
from experiments.model.designing.wording import CURRENCY


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArmDefinition(_Part):
    """One arm. `eligible` is a rule of its own, on top of the experiment's.

    `catalogue` is the key under which the arm catalogue has it, where that is not its own.
    """

    key: Key
    event_type: Name | None = None
    reward_kind: Name | None = None
    reward_amount: Finite = 0.0
    reward_cost: Money = 0.0
    cost_on: str = "decision"
    contact_cost: Money = 0.0
    attributes: dict[Feature, Scalar] = {}
    payload: dict[str, Any] = {}
    eligible: Rule = None
    catalogue: Key | None = None

    def as_arm(self) -> Arm:
        """The arm as policies see it."""
        return Arm(
            self.key,
            self.event_type,
            self.reward_kind,
            self.reward_amount,
            self.reward_cost,
            self.cost_on,
            self.contact_cost,
            self.attributes,
        )


class PolicyDefinition(_Part):
    """A policy by name; `floor` is the least probability of any eligible arm (learned policies)."""

    name: str
    floor: Annotated[float, Field(gt=0, le=0.5)] | None = None
    params: dict[str, Any] = {}

    def as_spec(self, seed: int = 0) -> PolicySpec:
        """The specification that bandit.policies builds from."""
        return PolicySpec(self.name, self.floor, self.params, seed)

    @property
    def kind(self) -> type[Policy]:
        """The class, which says what is true of all such policies. Raises KeyError of a name that a check refuses."""
        return POLICIES[self.name]

    @property
    def arms_named(self) -> list[tuple[str, str]]:
        """(JSON pointer into `params`, arm) of every arm that the parameters name; none of an unknown policy."""
        return list(self.kind.arms_named(self.params)) if self.name in POLICIES else []

    @property
    def sole_arm(self) -> str | None:
        """The one arm for everybody; None where there may be several."""
        return self.kind.sole_arm(self.params) if self.name in POLICIES else None


class VariantDefinition(_Part):
    """A share of the units, governed by one policy."""

    key: Key
    share: Annotated[float, Field(gt=0, le=1)]
    policy: PolicyDefinition
    learn_from: Literal["own", "all"] = "own"


class ShadowDefinition(_Part):
    """A candidate policy whose pmf is recorded with every decision without acting."""

    key: Key
    policy: PolicyDefinition


class MetricDefinition(_Part):
    """A metric over a matured decision's outcomes; `within` narrows the attribution window.

    `unit` is what a sum is in; left out, it is that of its kinds (money of revenue, seconds of time spent), else a
    plain number.
    """

    name: OutcomeKind
    kinds: Annotated[list[OutcomeKind], Field(min_length=1, max_length=1000)]
    aggregate: Aggregate
    within: Duration | None = None
    unit: Unit | None = None

    @property
    def facts(self) -> MetricFacts:
        """What a reader of its values must know."""
        return own_facts(self.name, self.aggregate, tuple(self.kinds), self.unit)


class ObjectiveDefinition(_Part):
    """What is maximised: a metric, or net_value = margin x revenue - reward_cost - contact_cost."""

    maximise: str = "reengagement"
    margin: Share = 1.0


class ContextDefinition(_Part):
    """The features that learned policies see. Both lists empty: every name given, its type read off its value."""

    numeric: Annotated[list[Feature], Field(max_length=1000)] = []
    categorical: Annotated[list[Feature], Field(max_length=1000)] = []

    def as_spec(self) -> FeatureSpec:
        """The feature specification of bandit."""
        return FeatureSpec(tuple(self.numeric), tuple(self.categorical))


class SegmentsDefinition(_Part):
    """Context or profile names whose values, joined by "|", are the segment that readouts are also given for."""

    by: list[Feature] = []


class LayerDefinition(_Part):
    """Experiments of one layer share its buckets and never overlap: this one owns [offset, offset + share).

    An offset that is left out is assigned when the experiment is defined.
    """

    key: Key
    share: Annotated[float, Field(gt=0, le=1)]
    offset: Share | None = None


class RampStep(_Part):
    """From `after` the start, this share of the units is enrolled."""

    after: Duration
    share: Share


class GuardrailDefinition(_Part):
    """A metric that must not get worse than `worst` (a difference from `versus`, or a share of it where `relative`).

    `versus` is the control where it is left out; `better` says which direction is good, where its name does not.
    """

    metric: OutcomeKind
    worst: Money
    relative: bool = False
    on: Literal["variant", "arm"] = "variant"
    action: Literal["pause", "alert"] = "pause"
    versus: Key | None = None
    better: Literal["higher", "lower"] | None = None


class StopDefinition(_Part):
    """When to stop, agreed on before the start; the first rule that is met counts.

    `date` is an instant or a time since the start, `sample` a number of matured decisions, `precision` and `futility`
    are differences of the objective between `variant` and `versus`, `guardrail` is how far beyond its worst.
    """

    date: Moment | Duration | None = None
    sample: Annotated[int, Field(gt=0)] | None = None
    precision: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    futility: Finite | None = None
    guardrail: Money | None = None
    variant: Key | None = None
    versus: Key | None = None
    action: Literal["recommend", "stop"] = "recommend"


class Definition(_Part):
    """An experiment. Everything has a default but key, arms and variants.

    `cap_revenue`: up to how much of a unit's revenue in one revision counts in what is said about money; None: nothing
    is said but sums.
    """

    key: Key
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    clock: Literal["server", "caller"] = "server"
    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,128}$")] | None = None
    currency: Annotated[str, StringConstraints(pattern=CURRENCY)] = "EUR"
    time_zone: str = "UTC"
    objective: ObjectiveDefinition = ObjectiveDefinition()
    cap_revenue: Cap | None = None
    metrics: Annotated[list[MetricDefinition], Field(max_length=1000)] = []
    attribution_window: Duration = timedelta(days=7)
    decision_window: Duration = timedelta(days=7)
    learning_window: Duration | None = None
    grace: Duration = timedelta(hours=1)
    eligible: Rule = None
    context: ContextDefinition = ContextDefinition()
    segments: SegmentsDefinition = SegmentsDefinition()
    arms: Annotated[list[ArmDefinition], Field(min_length=1, max_length=1000)]
    variants: Annotated[list[VariantDefinition], Field(min_length=1, max_length=50)]
    control: Key | None = None
    shadow: Annotated[list[ShadowDefinition], Field(max_length=10)] = []
    layer: LayerDefinition | None = None
    ramp: Annotated[list[RampStep], Field(max_length=1000)] = []
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    caps: CapsDefinition = CapsDefinition()
    quiet_hours: QuietHoursDefinition | None = None
    budget: BudgetDefinition | None = None
    guardrails: Annotated[list[GuardrailDefinition], Field(max_length=20)] = []
    stop: StopDefinition | None = None
    ofrep_bulk: bool = False

    @field_serializer("salt")
    def _never_shown(self, _: str | None) -> None:
        """The salt decides who gets what: it lives in the experiment's row and leaves the service in no reply."""

    def arm(self, key: str) -> ArmDefinition:
        """The arm of this key. Raises KeyError."""
        return next(arm for arm in self.arms_with_nothing if arm.key == key)

    def facts_of(self, metric: str) -> MetricFacts:
        """What is true of a metric here: of the experiment's own before all else. Raises KeyError."""
        own = next((each for each in self.metrics if each.name == metric), None)
        return METRIC_FACTS[metric] if own is None else own.facts

    @property
    def catalogue_keys(self) -> set[str]:
        """Under which keys the arm catalogue may have this experiment's arms."""
        return {arm.catalogue or arm.key for arm in self.arms}

    @property
    def arms_with_nothing(self) -> list[ArmDefinition]:
        """The arms, with the reserved `nothing` first where it is not listed: any policy may include it."""
        if any(arm.key == NOTHING for arm in self.arms):
            return list(self.arms)
        return [ArmDefinition(key=NOTHING), *self.arms]
