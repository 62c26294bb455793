"""The conformance suite: every law holds for everything in POLICIES."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bandit_strategies import (
    ALWAYS_ELIGIBLE,
    ARMS,
    DRIFTS_ON_RESUME,
    LEARNED,
    SPECS,
    UNLEARNED,
    arm_lists,
    contexts,
    logged,
    reachable,
    segment_context,
    segment_mean,
    taught,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bandit.errors import LabelError, NoEligibleArmError, PolicySpecError, SnapshotError
from bandit.policies import DEFAULT_POLICY, POLICIES, build, restore
from bandit.policies.parameters import FLOOR_MASS
from bandit.policy import Policy, choose
from bandit.rounds import Arm, FeatureSpec, PolicySpec

few = settings(max_examples=40)
every = pytest.mark.parametrize("name", POLICIES)
every_learned = pytest.mark.parametrize("name", LEARNED)
DECLARED = FeatureSpec(numeric=("days", "spent"), categorical=("segment", "flag"))
SCHEMAS = (FeatureSpec(), DECLARED)


@cache
def trained(name, declared=False):
    return taught(name, features=SCHEMAS[declared])


def tolerance(name):
    """Vowpal Wabbit works in float32."""
    linear = name in ("linear_thompson", "linucb", "thompson")
    return 1e-12 if linear or name in UNLEARNED else 1e-6


@every
def test_is_a_policy(name):
    policy = build(SPECS[name], FeatureSpec())
    assert isinstance(policy, Policy)
    assert policy.rows_seen == 0
    assert policy.learned == (name in LEARNED)


@every
@few
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
@few
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
@few
@given(context=contexts, arms=arm_lists(), declared=st.booleans())
def test_bytes_give_the_same_pmf(name, context, arms, declared):
    context = reachable(name, context, arms)
    expected = trained(name, declared).pmf(context, arms)
    np.testing.assert_allclose(restored(name, declared).pmf(context, arms), expected, atol=tolerance(name), rtol=0)


@every
@few
@given(context=contexts, other=contexts, arms=arm_lists())
def test_pmf_depends_on_nothing_but_its_arguments(name, context, other, arms):
    policy = trained(name)
    first = policy.pmf(reachable(name, context, arms), arms)
    policy.pmf(reachable(name, other, arms), arms)
    copies = [Arm(a.key, a.event_type, a.reward_kind, a.reward_amount, attributes=dict(a.attributes)) for a in arms]
    assert (policy.pmf(reachable(name, dict(context), arms), copies) == first).all()


@every
@few
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


@every_learned
def test_parameters_are_checked_and_their_defaults_pass(name):
    policy = POLICIES[name]
    known = {**getattr(policy, "COMMON", {}), **policy.PARAMETERS}
    assert all(parameter.fault(parameter.default) is None for parameter in known.values())
    with pytest.raises(PolicySpecError) as caught:
        build(PolicySpec(name, params=dict.fromkeys(known, "x")), FeatureSpec())
    assert set(caught.value.faults) == {f"/params/{parameter}" for parameter in known}


def value_of(policy, arms, seed=77, users=300):
    rng = np.random.default_rng(seed)
    users = [segment_context(rng) for _ in range(users)]
    return np.mean([policy.pmf(c, arms) @ [segment_mean(c, arm) for arm in arms] for c in users])


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "thompson"])
@pytest.mark.parametrize("declared", [False, True])
def test_learns_the_best_arm_of_each_segment(name, declared):
    """Uniform play earns .356, the best arm for everybody .55, the best arms .775."""
    assert value_of(taught(name, 1500, features=SCHEMAS[declared]), ARMS) > 0.62


def test_without_context_the_best_arm_for_everybody_is_found():
    policy = taught("thompson", 1500)
    assert policy.pmf({}, ARMS)[1] > 0.8


def revenue(rng, hit):
    return hit * float(rng.lognormal(3.5, 0.5)) - 4.0


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "thompson"])
@pytest.mark.parametrize("bounds", [None, [-4.0, 150.0]])
def test_rewards_of_any_scale_are_learned(name, bounds):
    params = (
        {}
        if bounds is None or "reward_range" not in getattr(POLICIES[name], "COMMON", {})
        else {"reward_range": bounds}
    )
    policy = build(replace(SPECS[name], params=params), FeatureSpec())
    rounds = logged(4, 1500, earn=revenue)
    for start in range(0, 1500, 50):
        policy.learn(rounds[start : start + 50])
    assert value_of(policy, ARMS) > 0.5


@every_learned
@pytest.mark.parametrize("reward", [0.0, 1.0, -1e300, 1e300, 7.0])
def test_constant_and_enormous_rewards_do_no_harm(name, reward):
    policy = build(SPECS[name], FeatureSpec())
    for seed in range(3):
        policy.learn([replace(logged, reward=reward) for logged in logged_rounds(seed)])
    pmf = policy.pmf({"segment": "a", "days": 1.0}, ARMS)
    assert abs(pmf.sum() - 1.0) < 1e-12


def logged_rounds(seed):
    return logged(seed, 30)


@every_learned
@few
@given(rows=st.lists(st.tuples(contexts, arm_lists(), st.integers(0, 5), st.floats(-10, 10)), min_size=1, max_size=8))
def test_learns_from_hostile_rounds(name, rows):
    policy = build(SPECS[name], FeatureSpec())
    template = logged(0, 1)[0]
    rounds = [
        replace(
            template,
            context=context,
            arms=arms,
            chosen=place % len(arms),
            pmf=np.full(len(arms), 1 / len(arms)),
            reward=reward,
        )
        for context, arms, place, reward in rows
    ]
    policy.learn(rounds)
    for logged_round in rounds:
        pmf = policy.pmf(logged_round.context, logged_round.arms)
        assert abs(pmf.sum() - 1.0) < 1e-12
    again = restore(SPECS[name], FeatureSpec(), policy.to_bytes())
    last = rounds[-1]
    np.testing.assert_allclose(
        again.pmf(last.context, last.arms), policy.pmf(last.context, last.arms), atol=tolerance(name)
    )


@every_learned
def test_propensities_do_not_enter_the_regression(name):
    """Vowpal Wabbit would weigh the last arm alone by 1/p."""
    even, skewed = build(SPECS[name], FeatureSpec()), build(SPECS[name], FeatureSpec())
    rounds = logged(6, 200)
    even.learn(rounds)
    skewed.learn([replace(logged, propensity=0.05) for logged in rounds])
    context = {"segment": "a", "days": 10.0, "spent": 20.0, "flag": True}
    assert (even.pmf(context, ARMS) == skewed.pmf(context, ARMS)).all()


@every_learned
def test_a_new_arm_and_a_removed_one(name):
    policy = taught(name, 300)
    fresh = Arm("four", "bogo", "coupon", 7.0)
    pmf = policy.pmf({"segment": "a", "days": 5.0}, [ARMS[1], fresh])
    assert pmf.min() >= FLOOR_MASS / 2 * (1 - 1e-9)
    policy.learn(
        [
            replace(r, arms=(ARMS[1], fresh), chosen=r.chosen % 2, pmf=np.full(2, 0.5), propensity=0.5)
            for r in logged(8, 50)
        ]
    )
    assert abs(policy.pmf({}, [*ARMS, fresh]).sum() - 1.0) < 1e-12


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


def test_the_default_is_a_learned_policy():
    assert POLICIES[DEFAULT_POLICY].learned


def test_unknown_policies_are_named():
    with pytest.raises(PolicySpecError) as caught:
        build(PolicySpec("greedy"), FeatureSpec())
    assert set(caught.value.faults) == {"/name"}


def test_fixed_falls_back_to_nothing_or_fails():
    policy = build(SPECS["fixed"], FeatureSpec())
    assert policy.pmf({}, [ARMS[2], ALWAYS_ELIGIBLE]).tolist() == [0.0, 1.0]
    with pytest.raises(NoEligibleArmError):
        policy.pmf({}, [ARMS[2]])


def test_split_renormalises_over_the_eligible_arms():
    policy = build(SPECS["split"], FeatureSpec())
    np.testing.assert_allclose(policy.pmf({}, ARMS), [1 / 4.5, 2 / 4.5, 1.5 / 4.5, 0.0])
    np.testing.assert_allclose(policy.pmf({}, ARMS[2:]), [1.0, 0.0])
    with pytest.raises(NoEligibleArmError):
        policy.pmf({}, ARMS[3:])


@pytest.mark.parametrize("weights", [None, {}, [1], {"a": -1}, {"a": float("nan")}, {"a": "1"}, {"a": True}, {"a": 0}])
def test_split_refuses_senseless_weights(weights):
    with pytest.raises(PolicySpecError):
        build(PolicySpec("split", params={"weights": weights}), FeatureSpec())


def test_rules_take_the_next_matching_row_whose_arm_is_eligible():
    policy = build(SPECS["rules"], FeatureSpec())
    assert policy.pmf({"segment": "a"}, ARMS).tolist() == [0, 1, 0, 0]
    assert policy.pmf({"segment": "b"}, ARMS).tolist() == [0, 0, 1, 0]
    assert policy.pmf({"segment": "a"}, [ARMS[0], ARMS[2]]).tolist() == [0, 1]
    assert policy.pmf({"segment": "a"}, [ARMS[0], ARMS[3]]).tolist() == [1, 0]


def test_rules_name_the_faults_of_every_row():
    table = [{"when": {"=": [1, 2]}, "arm": "one"}, {"arm": "one"}, {"when": True, "arm": 3}]
    with pytest.raises(PolicySpecError) as caught:
        build(PolicySpec("rules", params={"rules": table, "default": 4}), FeatureSpec())
    assert set(caught.value.faults) == {
        "/params/rules/0/when",
        "/params/rules/1",
        "/params/rules/2/arm",
        "/params/default",
    }


def test_listed_needs_an_eligible_arm_and_never_replaces_it():
    policy = build(SPECS["listed"], FeatureSpec())
    assert policy.pmf({"$arm": "two"}, ARMS).tolist() == [0, 0, 1, 0]
    assert policy.pmf_for("two", ARMS).tolist() == [0, 0, 1, 0]
    for context in ({}, {"$arm": "seven"}, {"$arm": None}):
        with pytest.raises(NoEligibleArmError):
            policy.pmf(context, ARMS)


def test_a_snapshot_of_other_options_is_refused():
    data = taught("squarecb", 50).to_bytes()
    with pytest.raises(SnapshotError):
        restore(PolicySpec("squarecb", params={"gamma_scale": 3.0}, seed=3), FeatureSpec(), data)
