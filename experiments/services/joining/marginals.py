"""The probability of a drawn arm over all variants that could have governed the unit, for learners that learn from all.

Unit → variant is a hash that the policies don't see, so the marginal propensity of arm a is Σ_v share_v · p_v(a | x),
each p_v from the snapshot that the decision recorded for v. Computed here and never on the hot path.
"""

from collections.abc import Mapping, Sequence

from sqlmodel import Session

from bandit.errors import NoEligibleArmError
from bandit.rounds import NOTHING
from experiments.model.deciding.eligibility import PAUSE, names_nothing
from experiments.model.deciding.overrides import applicable, with_weights
from experiments.model.deciding.pricing import priced
from experiments.model.deciding.record import Record, decode_record
from experiments.model.designing.definition import VariantDefinition
from experiments.model.designing.guardrails import PAUSED
from experiments.services.learning.policies import RestoredPolicies
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.joining.matured import Matured


class Marginals:
    """Keeps the policies of recent snapshots, because neighbours in the log share them."""

    def __init__(self) -> None:
        self._cache = RestoredPolicies()

    def of(
        self, session: Session, facts: Mapping[int, RevisionFacts], decisions: Sequence[Matured]
    ) -> dict[int, float]:
        """Marginal propensities by decision id, of the decisions in whose revision some variant learns from all."""
        return {
            one.id: self._marginal(session, facts[one.revision], one)
            for one in decisions
            if facts[one.revision].shares_rounds
        }

    def _marginal(self, session: Session, facts: RevisionFacts, one: Matured) -> float:
        record = decode_record(one.record)
        variants = facts.definition.variants
        total = sum(variant.share for variant in variants)
        chances = (
            one.propensity if variant.key == one.variant else self._chance(session, facts, variant, one.arm, record)
            for variant in variants
        )
        return sum(variant.share / total * chance for variant, chance in zip(variants, chances, strict=True))

    def _chance(
        self, session: Session, facts: RevisionFacts, variant: VariantDefinition, arm: str, record: Record
    ) -> float:
        left = _without_pause(facts, record)
        if variant.key in record.paused:
            only = record.paused[variant.key]
            return float(arm == (only if only in left else NOTHING))
        keys = eligible_keys(facts, variant, left)
        if variant.policy.kind.named_by_caller or (arm not in keys and arm != NOTHING):
            return 0.0  # nobody knows whom the caller would have named
        policy = self._cache.policy(session, facts, variant, record.snapshots.get(variant.key))
        try:
            pmf = policy.pmf(record.context, facts.arms(keys, record.costs))
        except NoEligibleArmError:
            return float(arm == NOTHING)  # what a variant gives that is left without an arm
        if arm not in keys:
            return 0.0
        pmf = priced(pmf, keys, record.shadow_price, record.expected_costs, variant.policy)
        weighted = with_weights(pmf, keys, applicable(record.weights, keys, pmf))
        return float(weighted[keys.index(arm)])


def _without_pause(facts: RevisionFacts, record: Record) -> list[str]:
    """What was eligible but for the pause of the deciding variant, which the other variants did not share."""
    if record.policy != PAUSED:
        return record.eligible
    kept = {key for key, why in record.excluded.items() if why.startswith(PAUSE)} | {*record.eligible}
    return [arm.key for arm in facts.definition.arms_with_nothing if arm.key in kept]


def eligible_keys(facts: RevisionFacts, variant: VariantDefinition, eligible: Sequence[str]) -> list[str]:
    """What would have been eligible under another variant: `nothing` comes and goes with the policy that names it."""
    if any(arm.key == NOTHING for arm in facts.definition.arms):
        return list(eligible)
    others = [key for key in eligible if key != NOTHING]
    return [NOTHING, *others] if names_nothing(variant.policy) else others
