import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bandit.policy import draw, with_floor

masses = arrays(np.float64, st.integers(1, 20), elements=st.floats(0, 1)).filter(lambda p: p.sum() > 1e-6)
pmfs = masses.map(lambda p: p / p.sum())


@given(pmf=pmfs, floor=st.floats(0, 1))
def test_floor_is_reached_and_order_kept(pmf, floor):
    lifted = with_floor(pmf, floor)
    assert abs(lifted.sum() - 1.0) < 1e-12
    assert lifted.min() >= min(floor, 1.0 / len(pmf)) * (1 - 1e-12)
    order = np.argsort(pmf, kind="stable")
    assert (np.diff(lifted[order]) >= -1e-15).all()


@given(pmf=pmfs)
def test_no_floor_changes_nothing(pmf):
    np.testing.assert_allclose(with_floor(pmf, 0.0), pmf, atol=1e-15)


@given(pmf=pmfs, u=st.floats(0, 1, exclude_max=True))
def test_draw_is_the_inverse_cdf_and_never_an_impossible_arm(pmf, u):
    index = draw(pmf, u)
    assert pmf[index] > 0.0
    cumulated = np.cumsum(pmf)
    assert cumulated[index] >= u - 1e-12
    assert index == 0 or cumulated[index - 1] <= u + 1e-12


@given(pmf=pmfs, u=st.floats(0, 1, exclude_max=True), v=st.floats(0, 1, exclude_max=True))
def test_draw_is_monotone(pmf, u, v):
    low, high = sorted((u, v))
    assert draw(pmf, low) <= draw(pmf, high)


@pytest.mark.parametrize("u", [0.0, 1.0 - 2**-53])
def test_draw_at_the_ends(u):
    assert draw(np.array([0.0, 0.0, 1.0, 0.0]), u) == 2
