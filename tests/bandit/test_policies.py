"""The conformance suite: every law holds for everything in POLICIES."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bandit_strategies import (
    ARMS,
    DRIFTS_ON_RESUME,
    LEARNED,
    SCHEMAS,
    SPECS,
    arm_lists,
    contexts,
    logged,
    reachable,
    segment_context,
    taught,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from bandit.errors import LabelError, NoEligibleArmError, PolicySpecError, SnapshotError
from bandit.policies import LISTED_ARM, POLICIES, build, restore
from bandit.policies.parameters import FLOOR_MASS
from bandit.policy import Policy, choose
from bandit.rounds import Arm, FeatureSpec
from tests.examples import few

every = pytest.mark.parametrize("name", POLICIES)
every_learned = pytest.mark.parametrize("name", LEARNED)


@cache
def trained(name, declared=False):
    return taught(name, features=SCHEMAS[declared])


@every
def test_is_a_policy(name):
    policy = build(SPECS[name], FeatureSpec())
    assert isinstance(policy, Policy)
    assert policy.rows_seen == 0
    assert policy.learned == (name in LEARNED)


@every
def test_what_its_class_says_of_it_is_true(name):
    """Over many units: several arms possible, different pmfs for different people, the arms that parameters name."""
    policy, rng = trained(name), np.random.default_rng(8)
    pmfs = []
    for place in range(60):
        context = segment_context(rng)
        pmfs.append(policy.pmf({**context, LISTED_ARM: ARMS[place % 4].key}, ARMS))
    possible = np.array(pmfs) > 0.0
    assert policy.randomises == bool((possible.sum(axis=1) > 1).any())
    assert policy.reads_context == bool((np.array(pmfs) != pmfs[0]).any())
    assert not policy.learned or (policy.randomises and policy.priced)
    sole, named = policy.sole_arm(SPECS[name].params), [arm for _, arm in policy.arms_named(SPECS[name].params)]
    assert (sole is not None) == bool((possible == possible[0]).all() and possible[0].sum() == 1)
    assert sole is None or possible[0][[arm.key for arm in ARMS].index(sole)]
    if named:
        assert {arm.key for arm, ever in zip(ARMS, possible.any(axis=0), strict=True) if ever} <= {*named, "nothing"}
    for pointer, arm in policy.arms_named(SPECS[name].params):
        assert arm in pointer or resolved(SPECS[name].params, pointer) == arm


def resolved(node, pointer):
    for step in pointer.split("/")[1:]:
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node


@every
@few(40)
@given(context=contexts, arms=arm_lists(), declared=st.booleans(), is_trained=st.booleans())
def test_pmf_is_a_distribution_over_the_eligible_arms_above_the_floor(name, context, arms, declared, is_trained):
    policy = trained(name, declared) if is_trained else build(SPECS[name], SCHEMAS[declared])
    pmf = policy.pmf(reachable(name, context, arms), arms)
    assert pmf.shape == (len(arms),)
    assert pmf.dtype == np.float64
    assert abs(pmf.sum() - 1.0) < 1e-12
    assert (pmf >= 0.0).all()
    if name in LEARNED:
        assert pmf.min() >= FLOOR_MASS / len(arms) * (1 - 1e-9)


@every_learned
@few(40)
@given(context=contexts, arms=arm_lists(), floor=st.floats(1e-4, 1.0))
def test_an_own_floor_is_kept(name, context, arms, floor):
    policy = trained(name)
    own = POLICIES[name].from_bytes(replace(SPECS[name], floor=floor), FeatureSpec(), trained_bytes(name))
    assert own.rows_seen == policy.rows_seen
    assert own.pmf(context, arms).min() >= min(floor, 1.0 / len(arms)) * (1 - 1e-9)


@cache
def trained_bytes(name, declared=False):
    return trained(name, declared).to_bytes()


@cache
def restored(name, declared=False):
    return restore(SPECS[name], SCHEMAS[declared], trained_bytes(name, declared))


@every
@few(40)
@given(context=contexts, arms=arm_lists(), declared=st.booleans())
def test_bytes_give_the_same_pmf(name, context, arms, declared):
    context = reachable(name, context, arms)
    expected = trained(name, declared).pmf(context, arms)
    np.testing.assert_allclose(restored(name, declared).pmf(context, arms), expected, atol=tolerance(name), rtol=0)


@every
@few(40)
@given(context=contexts, other=contexts, arms=arm_lists())
def test_pmf_depends_on_nothing_but_its_arguments(name, context, other, arms):
    policy = trained(name)
    first = policy.pmf(reachable(name, context, arms), arms)
    policy.pmf(reachable(name, other, arms), arms)
    copies = [Arm(a.key, a.event_type, a.reward_kind, a.reward_amount, attributes=dict(a.attributes)) for a in arms]
    assert (policy.pmf(reachable(name, dict(context), arms), copies) == first).all()


@every
@few(40)
@given(order=st.permutations(ARMS))
def test_pmf_follows_the_order_of_the_arms(name, order):
    context = reachable(name, {"segment": "a", "days": 40.0, "spent": 90.0, "flag": True}, ARMS)
    pmf = dict(zip((arm.key for arm in ARMS), trained(name).pmf(context, ARMS), strict=True))
    again = trained(name).pmf(context, order)
    np.testing.assert_allclose(again, [pmf[arm.key] for arm in order], atol=tolerance(name), rtol=0)


@every
def test_nothing_to_choose_from(name):
    for policy in (build(SPECS[name], FeatureSpec()), trained(name)):
        with pytest.raises(NoEligibleArmError):
            policy.pmf({"segment": "a"}, [])
        with pytest.raises(NoEligibleArmError):
            choose(policy, {}, [], 0.5)


@every_learned
def test_untrained_is_uniform(name):
    assert (build(SPECS[name], FeatureSpec()).pmf({"segment": "a"}, ARMS) == 0.25).all()


BAD = [
    {"propensity": 0.0},
    {"propensity": -0.1},
    {"propensity": 1.1},
    {"propensity": float("nan")},
    {"reward": float("nan")},
    {"reward": float("inf")},
    {"chosen": 4},
    {"chosen": -1},
]


@every
@pytest.mark.parametrize("fault", BAD, ids=str)
def test_bad_labels_leave_the_policy_unchanged(name, fault):
    policy = restore(SPECS[name], FeatureSpec(), trained_bytes(name))
    rounds = logged(9, 10)
    with pytest.raises(LabelError):
        policy.learn([*rounds, replace(rounds[0], **fault)])
    context = reachable(name, {"segment": "b", "days": 3.0}, ARMS)
    assert policy.rows_seen == trained(name).rows_seen
    np.testing.assert_allclose(policy.pmf(context, ARMS), trained(name).pmf(context, ARMS), atol=tolerance(name))


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in DRIFTS_ON_RESUME])
def test_learning_resumes_identically_from_bytes(name):
    live, resumed = taught(name, 100), taught(name, 100)
    for start in range(0, 200, 40):
        rounds = logged(20 + start, 40)
        resumed = restore(SPECS[name], FeatureSpec(), resumed.to_bytes())
        live.learn(rounds)
        resumed.learn(rounds)
    rng = np.random.default_rng(5)
    for _ in range(20):
        context = reachable(name, segment_context(rng), ARMS)
        np.testing.assert_allclose(resumed.pmf(context, ARMS), live.pmf(context, ARMS), atol=tolerance(name), rtol=0)


@every
def test_replaying_from_the_same_bytes_learns_the_same(name):
    first, second = (restore(SPECS[name], FeatureSpec(), trained_bytes(name)) for _ in range(2))
    rounds = logged(30, 60)
    first.learn(rounds)
    second.learn(rounds)
    context = reachable(name, {"segment": "b", "days": 30.0, "spent": 5.0, "flag": False}, ARMS)
    np.testing.assert_allclose(first.pmf(context, ARMS), second.pmf(context, ARMS), atol=tolerance(name), rtol=0)


@every
def test_foreign_and_damaged_bytes_are_refused(name):
    data = trained_bytes(name)
    other = next(key for key in POLICIES if key != name)
    middle = len(data) // 2
    for bad in (b"", b"x" * 40, data[:-1], data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]):
        with pytest.raises(SnapshotError):
            restore(SPECS[name], FeatureSpec(), bad)
    with pytest.raises(SnapshotError):
        restore(SPECS[other], FeatureSpec(), data)


@every
def test_every_fault_of_a_specification_is_named(name):
    spec = replace(SPECS[name], floor=2.0, params={**SPECS[name].params, "no/such~thing": 1})
    with pytest.raises(PolicySpecError) as caught:
        build(spec, FeatureSpec())
    assert {"/floor", "/params/no~1such~0thing"} <= set(caught.value.faults)


@every
def test_drawn_frequencies_calibrate(name):
    """Exact binomial bounds at 1e-6 for each arm; draws are those of a fixed seed."""
    policy, rng, count = trained(name), np.random.default_rng(12), 2000
    context = reachable(name, {"segment": "a", "days": 10.0, "spent": 20.0, "flag": True}, ARMS)
    pmf = policy.pmf(context, ARMS)
    draws = [choose(policy, context, ARMS, u) for u in rng.random(count)]
    for place, probability in enumerate(pmf):
        hits = sum(choice.index == place for choice in draws)
        assert binomtest(hits, count, min(probability, 1.0)).pvalue > 1e-6
    assert all(choice.propensity == pmf[choice.index] and choice.arm is ARMS[choice.index] for choice in draws)
