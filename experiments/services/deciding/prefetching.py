"""Probabilities of many requests at once, where the policy can: what a block of a whole base is decided with.

A pmf is a pure function of snapshot, facts and arms, so it may be computed before the request's turn comes. Where its
turn finds other facts or arms (a cap was reached meanwhile, the plan changed), it is computed anew.
"""

from collections.abc import Sequence

from bandit.policies.vw_policy import VwPolicy
from bandit.rounds import Arm, Scalar
from experiments.model.deciding.eligibility import Eligibility
from experiments.services.deciding.batch import Batch, Pending
from experiments.services.deciding.computing import Prefetched
from experiments.services.deciding.facts import facts_of
from experiments.services.deciding.plan import Plan

PendingFacts = tuple[Pending, dict[str, Scalar]]


def prefetch(batch: Batch, key: str, pending: Sequence[Pending]) -> None:
    """Compute what most of these requests of one experiment will need."""
    plan = batch.runtime.plan(key)
    if plan is None or plan.status != "running" or plan.caller_clock or plan.id not in batch.known.heads:
        return
    plan = batch.runtime.at(plan, batch.now)
    groups: dict[tuple[int, int], tuple[VwPolicy, tuple[Arm, ...], list[PendingFacts]]] = {}
    policies = [variant.policy if isinstance(variant.policy, VwPolicy) else None for variant in plan.variants]
    for each in pending if any(policies) else ():
        place = plan.enrolment.variant(each.request.unit_id)
        if (policy := policies[place]) is not None:
            _group(batch, plan, each, (plan.variants[place].eligibility, policy), groups)
    for policy, arms, members in groups.values():
        found = policy.pmf_all([facts for _, facts in members], arms)
        if found is not None:
            for (each, facts), pmf in zip(members, found, strict=True):
                batch.prefetched[id(each)] = Prefetched(plan, facts, policy, arms, pmf)


def _group(
    batch: Batch,
    plan: Plan,
    pending: Pending,
    of: tuple[Eligibility, VwPolicy],
    groups: dict[tuple[int, int], tuple[VwPolicy, tuple[Arm, ...], list[PendingFacts]]],
) -> None:
    request, (eligibility, policy) = pending.request, of
    if (plan.id, request.unit_id) in batch.known.latest:
        return
    facts = facts_of(batch.known, request, batch.now, past=False)
    if plan.enrolment.refusal(request.unit_id, facts, batch.now) is not None:
        return
    arms = eligibility.given(facts).arms
    _, _, members = groups.setdefault((id(policy), id(arms)), (policy, arms, []))
    members.append((pending, facts))
