import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit import scaling
from bandit.scaling import Moments, RewardScale, Scaler

numbers = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=25)


@given(numbers)
def test_moments_are_those_of_the_values(values):
    moments = Moments()
    for value in values:
        moments.add(value)
    assert moments.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert moments.deviation == pytest.approx(np.std(values), rel=1e-6, abs=1e-6)


def test_one_absurd_value_does_not_flatten_a_feature():
    moments = Moments()
    for value in [*np.linspace(0, 1, 100), 1e12]:
        moments.add(float(value))
    assert moments.deviation < 2.0


def test_the_vocabulary_is_bounded(monkeypatch):
    monkeypatch.setattr(scaling, "VOCABULARY_LIMIT", 2)
    scaler = Scaler()
    for row in range(3):
        scaler.add([(name, float(row)) for name in "abc"])
    assert set(scaler.moments) == {"a", "b"}
    assert scaler.shift_and_scale("c") == (0.0, 0.0)


def scaled(rewards, bounds=None):
    scale = RewardScale(bounds)
    for reward in rewards:
        scale.add(reward)
    return scale


def test_rewards_within_the_unit_range_pass_unchanged():
    scale = scaled([0.0, 1.0, 0.25])
    assert [scale(reward) for reward in (0.0, 0.25, 1.0)] == [0.0, 0.25, 1.0]


def test_a_declared_range_is_mapped_onto_the_unit_range_and_clipped():
    scale = scaled([5.0], (-10.0, 30.0))
    assert [scale(reward) for reward in (-10.0, 10.0, 30.0, 99.0)] == [0.0, 0.5, 1.0, 1.0]


@given(st.lists(st.floats(-1e5, 1e5), min_size=5, max_size=20), st.floats(0.1, 100), st.floats(-100, 100))
def test_scaling_does_not_depend_on_the_unit_of_money(rewards, factor, shift):
    rewards = [*rewards, -2e5, 2e5]
    moved = [factor * reward + shift for reward in rewards]
    one, other = scaled(rewards), scaled([*moved])
    if not other.unit:
        np.testing.assert_allclose([other(r) for r in moved], [one(r) for r in rewards], atol=1e-6)


@given(st.lists(st.floats(-1e300, 1e300), max_size=10))
def test_state_survives(rewards):
    scale = scaled([max(min(reward, 1e12), -1e12) for reward in rewards])
    again = RewardScale.restore(None, scale.state())
    assert [again(reward) for reward in (0.0, 1.0, -5.0)] == [scale(reward) for reward in (0.0, 1.0, -5.0)]
