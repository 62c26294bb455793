"""Many contexts at once: the same encoding as one by one, and the same moments where nothing is winsorised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.features import Encoder
from bandit.rounds import FeatureSpec
from bandit.scaling import WARM, WINSOR, Moments, Scaler

SPEC = FeatureSpec(("a", "b"), ("c",))
scalars = st.none() | st.booleans() | st.integers(-(10**18), 10**20) | st.floats() | st.text(max_size=3)
plain = st.fixed_dictionaries({"a": st.floats(-1e6, 1e6), "b": st.integers(-9, 9), "c": st.sampled_from(["x", "y"])})
hostile = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), scalars)


def taught(contexts):
    encoder = Encoder(SPEC, Scaler())
    encoder.measure(contexts)
    return encoder


@given(st.lists(plain, min_size=1, max_size=40) | st.lists(plain | hostile, min_size=1, max_size=8))
def test_encoding_many_is_encoding_each(contexts):
    encoder = taught(contexts)
    for (indices, values, ones), context in zip(encoder.encode_all(contexts), contexts, strict=True):
        expected = encoder.encode(context)
        assert list(indices) == list(expected[0])
        np.testing.assert_array_equal(values, expected[1])
        assert ones == expected[2]


@given(st.lists(st.floats(-1e6, 1e6), max_size=80), st.integers(0, 80))
def test_moments_of_many_are_the_moments_of_all(values, cut):
    at_once, whole = Moments(), np.array(values)
    at_once.add_all(whole[:cut])
    at_once.add_all(whole[cut:])
    assert at_once.count == len(values)
    if values and not outliers(whole, cut):
        assert at_once.mean == pytest.approx(whole.mean(), abs=1e-6)
        assert at_once.deviation == pytest.approx(whole.std(), rel=1e-6, abs=1e-6)


def outliers(values, cut):
    """Whether some value may have been pulled in: far out for the moments that were known before it."""
    starts = range(min(WARM, len(values)), len(values))
    return any(abs(values[at] - values[:at].mean()) >= WINSOR / 2 * values[:at].std() for at in starts)


def test_an_absurd_value_in_a_batch_does_not_flatten_the_feature():
    moments = Moments()
    moments.add_all(np.random.default_rng(1).normal(size=200))
    moments.add_all(np.array([0.1, 1e12, -0.2]))
    assert moments.deviation < 3.0
