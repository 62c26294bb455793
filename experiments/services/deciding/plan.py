"""An experiment compiled for deciding: rules, thresholds, policies and arms made ready once, then only read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bandit.errors import NoEligibleArmError
from bandit.policies import build
from bandit.policy import Policy
from bandit.rounds import NOTHING, Scalar
from experiments.model.deciding.eligibility import PAUSE, WITHDRAWN, Adjusted, Eligibility, Pause
from experiments.model.deciding.enrolment import Enrolment, Sharing
from experiments.model.designing.definition import ArmDefinition, Definition, PolicyDefinition
from experiments.model.designing.guardrails import PAUSED, fallback_arm
from experiments.model.designing.limit_plan import LimitPlan, compile_limits
from experiments.model.times import duration_micros
from experiments.services.deciding.policy_cache import PolicyCache
from experiments.store.deciding.runtime_reads import Heads, StoredExperiment

FOREVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """One variant made ready. `mode` is what the record says of its pmf."""

    key: str
    name: str
    definition: PolicyDefinition
    policy: Policy
    floor: float | None
    mode: str
    snapshot_id: int | None
    eligibility: Eligibility

    @property
    def is_holdout(self) -> bool:
        """Whether its units are left alone."""
        return self.definition.sole_arm == NOTHING

    def offers(self, facts: Mapping[str, Scalar]) -> bool:
        """Whether it has an arm for a person of these facts, limits aside."""
        arms = self.eligibility.given(facts).arms
        if self.policy.named_by_caller or not arms:
            return bool(arms)
        try:
            self.policy.pmf(facts, arms)
        except NoEligibleArmError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Plan:
    """One experiment made ready.

    `valid_until` is when the next adjustment expires; `heads` are the learners' snapshots as they were read, also
    where one could not be restored. `selective`: the variants that treat, where rules or adjustments may leave a person
    no arm of any of them; empty where they cannot.
    """

    id: int
    key: str
    salt: bytes
    status: str
    version: int
    revision: int
    definition: Definition
    enrolment: Enrolment
    variants: tuple[VariantPlan, ...]
    selective: tuple[VariantPlan, ...]
    limits: LimitPlan | None
    shadows: tuple[tuple[str, PolicyDefinition, Policy], ...]
    weights: Mapping[str, float]
    snapshots: dict[str, int]
    paused: dict[str, str]
    heads: Mapping[str, int]
    arms_by_key: Mapping[str, ArmDefinition]
    feature_version: int
    segment_by: tuple[str, ...]
    caller_clock: bool
    decision_window: int
    maturity: int
    valid_until: int
    stored: StoredExperiment = field(repr=False)
    sharing: Sharing = field(repr=False)

    def has_offer(self, facts: Mapping[str, Scalar]) -> bool:
        """Whether some variant has an arm for a person of these facts. Whoever has none takes part in no variant, a
        holdout included: else only the treated would be missing from the comparison."""
        return not self.selective or any(variant.offers(facts) for variant in self.selective)


def sharing_of(definition: Definition, settings: Mapping[str, Mapping[str, Any]]) -> Sharing:
    """The global holdout and the layer's salt, from the service's settings.

    On the caller's clock nobody is held out: a replay or a simulation concerns nobody.
    """
    holdout = {} if definition.clock == "caller" else settings.get("global_holdout") or {}
    layer = settings.get(f"layer:{definition.layer.key}") if definition.layer else None
    return Sharing(
        float(holdout.get("share") or 0.0),
        bytes.fromhex(str(holdout.get("salt") or "")),
        bytes.fromhex(str(layer["salt"])) if layer else None,
    )


def compile_plan(stored: StoredExperiment, heads: Heads, cache: PolicyCache, at: int) -> Plan:
    """The plan in force at this instant of the experiment's clock."""
    experiment = stored.experiment
    definition = Definition.model_validate(experiment.definition)
    own = {variant: number for (owner, variant), number in heads.snapshots.items() if owner == experiment.id}
    return _compile(stored, definition, (own, sharing_of(definition, heads.settings)), cache, at)


def recompile(plan: Plan, cache: PolicyCache, at: int) -> Plan:
    """The same plan at another instant, when adjustments have expired."""
    return _compile(plan.stored, plan.definition, (plan.heads, plan.sharing), cache, at)


def _compile(
    stored: StoredExperiment,
    definition: Definition,
    shared: tuple[Mapping[str, int], Sharing],
    cache: PolicyCache,
    at: int,
) -> Plan:
    experiment, (heads, sharing) = stored.experiment, shared
    number = int(experiment.id or 0)
    adjusted = [*_in_force(stored, at), *_withdrawn(stored, definition)]
    pauses = {item.arm: item for item in adjusted if item.kind == PAUSED}
    makers = {each.key: each.policy for each in definition.variants}
    shadows = {each.key: each.policy for each in definition.shadow}
    policies = {
        key: cache.policy((number, key), definition, policy, heads.get(key))
        for key, policy in (makers | shadows).items()
    }
    variants = tuple(
        _paused(each.key, definition, adjusted, pauses[each.key])
        if each.key in pauses
        else _variant(each.key, each.policy, policies[each.key], Eligibility(definition, each.policy, adjusted))
        for each in definition.variants
    )
    return Plan(
        id=number,
        key=experiment.key,
        salt=experiment.salt,
        status=experiment.status,
        version=experiment.version,
        revision=experiment.revision,
        definition=definition,
        enrolment=Enrolment(definition, experiment.salt, experiment.started_at, sharing),
        variants=variants,
        selective=_selective(variants),
        limits=compile_limits(definition, number, {item.arm: item.value for item in adjusted if item.kind == "cost"}),
        shadows=tuple((key, policy, policies[key][0]) for key, policy in shadows.items()),
        weights={item.arm: item.value for item in adjusted if item.kind == "weight"},
        snapshots={key: snapshot for key, (_, snapshot) in policies.items() if snapshot is not None},
        paused=dict.fromkeys(pauses, fallback_arm(definition)),
        heads=heads,
        arms_by_key={arm.key: arm for arm in definition.arms_with_nothing},
        feature_version=definition.context.as_spec().version,
        segment_by=tuple(definition.segments.by),
        caller_clock=definition.clock == "caller",
        decision_window=duration_micros(definition.decision_window),
        maturity=duration_micros(definition.attribution_window + definition.grace),
        valid_until=min((item.expires_at for item in adjusted if item.expires_at is not None), default=FOREVER),
        stored=stored,
        sharing=sharing,
    )


def _selective(variants: Iterable[VariantPlan]) -> tuple[VariantPlan, ...]:
    treating = tuple(each for each in variants if not each.is_holdout)
    return () if any(each.eligibility.is_open for each in treating) else treating


def _variant(
    key: str, definition: PolicyDefinition, made: tuple[Policy, int | None], eligibility: Eligibility
) -> VariantPlan:
    policy, snapshot = made
    trained = "learned" if snapshot is not None and policy.rows_seen else "untrained"
    mode = trained if policy.learned else "fixed"
    return VariantPlan(key, definition.name, definition, policy, definition.floor, mode, snapshot, eligibility)


def _paused(key: str, definition: Definition, adjusted: list[Adjusted], pause: Adjusted) -> VariantPlan:
    """What the control gets, for units that stay the variant's: every other arm is excluded, with the reason."""
    arm = fallback_arm(definition)
    fixed = PolicyDefinition(name="fixed", params={"arm": arm})
    eligibility = Eligibility(definition, fixed, adjusted, Pause(arm, PAUSE + pause.reason))
    return VariantPlan(
        key, PAUSED, fixed, build(fixed.as_spec(), definition.context.as_spec()), None, "fixed", None, eligibility
    )


def _withdrawn(stored: StoredExperiment, definition: Definition) -> list[Adjusted]:
    """Arms that the event-management system has taken back."""
    gone = [arm.key for arm in definition.arms if (arm.catalogue or arm.key) in stored.withdrawn]
    return [Adjusted(key, WITHDRAWN, 0.0, "withdrawn from the arm catalogue") for key in gone]


def _in_force(stored: StoredExperiment, at: int) -> list[Adjusted]:
    found: Iterable[Any] = stored.adjustments
    return [
        Adjusted(each.arm, each.kind, each.value, each.reason, each.expires_at)
        for each in found
        if each.expires_at is None or each.expires_at > at
    ]
