"""Laws of every policy that learns, by name."""

from dataclasses import replace

import numpy as np
import pytest
from bandit_strategies import (
    ARMS,
    LEARNED,
    SCHEMAS,
    SPECS,
    arm_lists,
    contexts,
    logged,
    segment_context,
    segment_mean,
    taught,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

from bandit.errors import PolicySpecError
from bandit.policies import POLICIES, build, restore
from bandit.policies.parameters import FLOOR_MASS
from bandit.rounds import Arm, FeatureSpec, PolicySpec
from tests.examples import few

every = pytest.mark.parametrize("name", POLICIES)
every_learned = pytest.mark.parametrize("name", LEARNED)


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
@few(40)
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
