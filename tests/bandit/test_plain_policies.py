"""What single policies promise beyond the laws of all."""

import numpy as np
import pytest
from bandit_strategies import (
    ALWAYS_ELIGIBLE,
    ARMS,
    LEARNED,
    SPECS,
    taught,
)

from bandit.errors import NoEligibleArmError, PolicySpecError, SnapshotError
from bandit.policies import DEFAULT_POLICY, POLICIES, build, restore
from bandit.rounds import FeatureSpec, PolicySpec

every = pytest.mark.parametrize("name", POLICIES)
every_learned = pytest.mark.parametrize("name", LEARNED)


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
