"""A newcomer is held to a part of an equal share until enough of its outcomes have matured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.policies import POLICIES, build, restore
from bandit.policies.newcomers import KNOWN_FROM, SHARE, Newcomers
from bandit.policies.vw_policy import VwPolicy
from bandit.rounds import Arm, FeatureSpec, PolicySpec, Round

LEARNED = [name for name, policy in POLICIES.items() if policy.learned]
KNOWN = tuple(Arm(f"a{n}") for n in range(4))
NEW = Arm("new")
ARMS = (*KNOWN, NEW)
FEATURES = FeatureSpec(numeric=("x",))


def lesson(rng, arms, chosen, reward):
    pmf = np.full(len(arms), 1 / len(arms))
    return Round({"x": float(rng.normal())}, arms, chosen, pmf, 1 / len(arms), reward)


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("floor", [None, 0.02, 0.19])
def test_a_newcomer_is_held_until_it_is_known(name, floor):
    """Whatever it earned: its rounds all pay, the others' none."""
    rng, spec = np.random.default_rng(3), PolicySpec(name, floor, seed=1)
    policy = build(spec, FEATURES)
    policy.learn([lesson(rng, KNOWN, n % 4, 0.0) for n in range(400)])
    most = max(SHARE / 5, floor or 0.0)
    contexts = [{"x": float(x)} for x in rng.normal(size=5)]
    for seen in range(KNOWN_FROM):
        if seen % 10 == 9:
            policy = restore(spec, FEATURES, policy.to_bytes())
        pmfs = np.array([policy.pmf(context, ARMS) for context in contexts])
        assert pmfs[:, -1].max() <= most + 1e-12, seen
        assert np.abs(pmfs.sum(axis=1) - 1.0).max() < 1e-12
        assert pmfs.min() >= min(floor or 0.0, 0.2) - 1e-12
        if isinstance(policy, VwPolicy):
            assert np.array_equal(policy.pmf_all(contexts, ARMS), pmfs)
        policy.learn([lesson(rng, ARMS, 4, 1.0)])
    assert max(policy.pmf(context, ARMS)[-1] for context in contexts) > most


@pytest.mark.parametrize("name", LEARNED)
def test_a_start_among_newcomers_alone_is_the_policys_own(name, monkeypatch):
    rng, policy = np.random.default_rng(4), build(PolicySpec(name, seed=1), FEATURES)
    policy.learn([lesson(rng, KNOWN, n % 4, float(n % 4 == 2)) for n in range(4 * KNOWN_FROM - 1)])
    before = policy.pmf({"x": 0.5}, KNOWN)
    monkeypatch.setattr("bandit.policies.newcomers.SHARE", np.inf)
    assert np.array_equal(before, policy.pmf({"x": 0.5}, KNOWN))


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("floor", [None, 0.02])
def test_what_a_newcomer_loses_goes_where_the_policy_would_send_it_without_one(name, floor, monkeypatch):
    """A bad known arm gains no more on the best one than it would with the newcomer free, or without any newcomer."""
    rng, policy = np.random.default_rng(5), build(PolicySpec(name, floor, seed=1), FEATURES)
    policy.learn([lesson(rng, KNOWN, n % 4, float(n % 4 == 2)) for n in range(400)])
    context = {"x": 0.5}
    held, alone = policy.pmf(context, ARMS), policy.pmf(context, KNOWN)
    monkeypatch.setattr("bandit.policies.newcomers.SHARE", np.inf)
    free = restore(PolicySpec(name, floor, seed=1), FEATURES, policy.to_bytes()).pmf(context, ARMS)
    for bad in (0, 1, 3):
        odds = [(pmf[2] * other[bad], pmf[bad] * other[2]) for pmf, other in ((held, free), (held, alone))]
        assert any(better >= worse - 1e-12 for better, worse in odds), (held, free, alone)
    if free[4] > SHARE / 5:
        assert held[4] == pytest.approx(max(SHARE / 5, floor or 0.0))
        assert held[2] - free[2] >= (free[4] - held[4]) * (alone[2] - 1e-9)


@given(
    st.lists(st.floats(0.001, 1.0), min_size=2, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.lists(st.floats(0.001, 1.0), min_size=8, max_size=8),
    st.floats(0.0, 0.1),
)
def test_what_newcomers_lose_is_dealt_as_among_the_known_alone(weights, news, others, floor):
    arms = tuple(Arm(f"a{n}") for n in range(len(weights)))
    new = np.array(news[: len(arms)])
    pmf = np.array(weights) / sum(weights)
    counts = {arm.key: 0 if fresh else KNOWN_FROM for arm, fresh in zip(arms, new, strict=True)}
    own = np.array(others[: (~new).sum()])
    own /= own.sum()
    rows = np.stack([pmf, np.full(len(arms), 1 / len(arms))])
    held = Newcomers(counts).held(pmf, arms, 1000, floor, lambda known: own)
    both = Newcomers(counts).held(rows, arms, 1000, floor, lambda known: np.stack([own, own]))
    assert np.array_equal(both[0], held)
    assert held.sum() == pytest.approx(1.0, abs=1e-12)
    if new.all() or not new.any():
        assert np.array_equal(held, pmf)
        return
    most = max(SHARE / len(arms), floor)
    assert np.array_equal(held[new], np.minimum(pmf[new], most))
    assert held[~new] - pmf[~new] == pytest.approx((pmf[new] - held[new]).sum() * own, abs=1e-12)
