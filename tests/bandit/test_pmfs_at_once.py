"""Probabilities of many contexts at once are those of each alone to the last bit, whatever is missing or odd."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.policies import POLICIES, build
from bandit.policies.vw_policy import VwPolicy
from bandit.rounds import Arm, FeatureSpec, PolicySpec, Round
from tests.examples import few

ARMS = tuple(Arm(f"a{n}", "bogo" if n % 2 else "tip", reward_amount=float(n)) for n in range(5))
SPEC = FeatureSpec(numeric=("x", "y"), categorical=("country",))
LEARNED = sorted(name for name, kind in POLICIES.items() if issubclass(kind, VwPolicy))


def trained(name, features=SPEC):
    policy, rng = build(PolicySpec(name, 0.02), features), np.random.default_rng(1)
    pmf = np.full(5, 0.2)
    rounds = [
        Round({"x": rng.normal(), "y": 5.0 * rng.random(), "country": "DE"}, ARMS, n % 5, pmf, 0.2, float(n % 3 == 0))
        for n in range(200)
    ]
    policy.learn(rounds)
    return policy


POLICY = {name: trained(name) for name in LEARNED}

numbers = st.one_of(
    st.none(), st.floats(-1e9, 1e9), st.integers(-(2**62), 2**62), st.booleans(), st.sampled_from([np.nan, np.inf])
)
contexts = st.fixed_dictionaries(
    {"x": numbers}, optional={"y": numbers, "country": st.sampled_from(["DE", "FR", None, 3]), "other": numbers}
)


@pytest.mark.parametrize("name", LEARNED)
@given(rows=st.lists(contexts, min_size=1, max_size=8))
@few(40)
def test_at_once_is_one_by_one(name, rows):
    policy = POLICY[name]
    together = policy.pmf_all(rows, ARMS)
    assert together.shape == (len(rows), 5)
    assert np.abs(together.sum(axis=1) - 1.0).max() < 1e-12
    assert np.array_equal(together, [policy.pmf(row, ARMS) for row in rows])


def test_what_needs_care_is_left_to_be_taken_one_by_one():
    policy = POLICY["squarecb"]
    assert policy.pmf_all([{"x": "1.5"}], ARMS) is None
    assert policy.pmf_all([{"x": 10**400}], ARMS) is None
    assert policy.pmf_all([{"x": 1.0}], ARMS[:1]) is None
    assert trained("squarecb", FeatureSpec()).pmf_all([{"x": 1.0}], ARMS) is None
    assert build(PolicySpec("squarecb"), SPEC).pmf_all([{"x": 1.0}], ARMS) is None
