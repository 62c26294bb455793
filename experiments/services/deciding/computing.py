"""One decision, computed: a pure function of the plan, the request, the profile and the place (laws 2 and 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bandit.errors import NoEligibleArmError
from bandit.policies.listed import Listed
from bandit.policy import Policy
from bandit.rounds import NOTHING, Arm, Context, Pmf, Scalar
from experiments.errors import Fault, InvalidError
from experiments.model.deciding.drawing import draw_number, draw_place
from experiments.model.deciding.eligibility import NOTHING_LEFT, EligibleSet, with_nothing_left
from experiments.model.deciding.overrides import applicable, with_weights
from experiments.model.deciding.pricing import priced
from experiments.model.deciding.record import Record
from experiments.services.deciding.limiter import Bounds
from experiments.services.deciding.messages import Assignment
from experiments.services.deciding.places import Place
from experiments.services.deciding.plan import Plan, VariantPlan
from experiments.store.limits.ledger import Price

Facts = Mapping[str, Scalar]
NoArm = Literal["no_arm"]


class Prefetched(NamedTuple):
    """A pmf that was computed together with others', before it was known that it is needed, of a unit that takes part:
    of these facts under this policy over these arms, and no others."""

    plan: Plan
    facts: dict[str, Scalar]
    policy: Policy
    arms: tuple[Arm, ...]
    pmf: Pmf


@dataclass(slots=True)
class Drawn:
    """An arm that was drawn, and the evidence."""

    variant: str
    arm: str
    propensity: float
    mode: str
    snapshot_id: int | None
    record: Record


def compute(
    plan: Plan,
    request: Assignment,
    facts: dict[str, Scalar],
    place: Place,
    bounds: Bounds | None = None,
    prefetched: Prefetched | None = None,
) -> Drawn | NoArm:
    """The drawn arm, or `no_arm` where no variant has any for this person: it then takes part in none of them.

    Where the unit's own variant is left without an arm, it gets `nothing` on the record, as a holdout's units do: the
    units of all variants are those who could have been in any. Raises InvalidError where a listed variant's arm cannot
    be taken.
    """
    variant = plan.variants[plan.enrolment.variant(request.unit_id)]
    barred, price = (None, None) if bounds is None else bounds
    eligible = variant.eligibility.given(facts, barred)
    pmf = _pmf(variant, request, facts, eligible, barred, prefetched)
    if (pmf is None or variant.is_holdout) and not plan.has_offer(facts):
        return "no_arm"
    if pmf is None:
        return _nothing_left(plan, variant, eligible, facts, price)
    if variant.policy.named_by_caller:
        record = _record(plan, variant, eligible, pmf.tolist(), facts, price)
        return Drawn(variant.key, str(request.arm), 1.0, variant.mode, None, record)
    if price is not None:
        pmf = priced(pmf, eligible.keys, price.shadow_price, price.expected_costs, variant.definition)
    weights = {key: plan.weights[key] for key in eligible.keys if key in plan.weights} if plan.weights else {}
    if weights:
        pmf = with_weights(pmf, eligible.keys, applicable(weights, eligible.keys, pmf))
    probabilities = pmf.tolist()
    drawn = draw_place(probabilities, draw_number(plan.salt, request.unit_id, place.epoch, place.attempt))
    record = _record(plan, variant, eligible, probabilities, facts, price)
    record.weights = weights
    return Drawn(variant.key, eligible.keys[drawn], probabilities[drawn], variant.mode, variant.snapshot_id, record)


def _pmf(
    variant: VariantPlan,
    request: Assignment,
    facts: dict[str, Scalar],
    eligible: EligibleSet,
    barred: Mapping[str, str] | None,
    prefetched: Prefetched | None,
) -> Pmf | None:
    """The policy's own probabilities; None where it is left without an arm."""
    if variant.policy.named_by_caller:
        return None if barred and request.arm in barred else _listed(variant, eligible, request.arm)
    if not eligible.arms:
        return None
    if prefetched is not None and prefetched.policy is variant.policy and prefetched.arms is eligible.arms:
        return prefetched.pmf
    try:
        return variant.policy.pmf(facts, eligible.arms)
    except NoEligibleArmError:
        return None


def _nothing_left(
    plan: Plan, variant: VariantPlan, eligible: EligibleSet, facts: dict[str, Scalar], price: Price | None
) -> Drawn:
    """`nothing`, for certain, beside whatever is eligible in other variants."""
    left = with_nothing_left(eligible)
    record = _record(plan, variant, left, [float(key == NOTHING) for key in left.keys], facts, price)
    record.policy, record.floor, record.shadow = NOTHING_LEFT, None, {}
    return Drawn(variant.key, NOTHING, 1.0, "fixed", None, record)


def compute_forced(plan: Plan, request: Assignment, facts: dict[str, Scalar]) -> Drawn:
    """The arm that a test of one's own needs: no draw, no rule, out of learning and of every readout."""
    arm = str(request.arm)
    variant = plan.variants[plan.enrolment.variant(request.unit_id)]
    record = Record(context=facts, eligible=[arm], pmf=[1.0], policy="forced", segment=segment_of(plan, facts))
    return Drawn(variant.key, arm, 1.0, "forced", None, record)


def segment_of(plan: Plan, facts: Facts) -> str:
    """The values that name the unit's segment in readouts, joined by "|"; empty without segments."""
    if not plan.segment_by:
        return ""
    return "|".join(_written(facts.get(name)) for name in plan.segment_by)


def _written(value: Scalar) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _listed(variant: VariantPlan, eligible: EligibleSet, arm: str | None) -> Pmf:
    if arm is None:
        raise InvalidError([Fault("/arm", f"the unit's variant {variant.key!r} takes the arm that the caller names")])
    if arm not in eligible.keys:
        why = eligible.excluded.get(arm, "it is not among the arms")
        raise InvalidError([Fault("/arm", f"{arm!r} is not eligible for this unit: {why}")])
    return Listed.pmf_for(arm, eligible.arms)


def _record(
    plan: Plan,
    variant: VariantPlan,
    eligible: EligibleSet,
    pmf: list[float],
    facts: dict[str, Scalar],
    price: Price | None,
) -> Record:
    record = Record(
        context=facts,
        eligible=eligible.keys,
        pmf=pmf,
        policy=variant.name,
        floor=variant.floor,
        excluded=eligible.excluded,
        costs=eligible.costs,
        paused=plan.paused,
        snapshots=plan.snapshots,
        shadow=_shadow(plan, facts, eligible, price) if plan.shadows else {},
        feature_version=plan.feature_version,
        segment=segment_of(plan, facts),
    )
    if price is not None:
        record.shadow_price = price.shadow_price
        if price.shadow_price:
            # Of every arm, whatever drew: marginal propensities ask what the other variants would have done.
            record.expected_costs = dict(price.expected_costs)
    return record


def _shadow(plan: Plan, facts: Context, eligible: EligibleSet, price: Price | None) -> dict[str, list[float]]:
    """What each shadow would have drawn from, under the same price."""
    found: dict[str, list[float]] = {}
    for key, definition, policy in plan.shadows:
        try:
            pmf: Pmf = policy.pmf(facts, eligible.arms)
        except NoEligibleArmError:
            continue
        if price is not None:
            pmf = priced(pmf, eligible.keys, price.shadow_price, price.expected_costs, definition)
        found[key] = pmf.tolist()
    return found
