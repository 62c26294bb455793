import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from bandit.best import best_of, best_of_normals

pairs = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 3)), min_size=2, max_size=8)


@given(pairs)
def test_is_a_distribution(arms):
    means, deviations = np.array(arms).T
    pmf = best_of_normals(means, deviations)
    assert abs(pmf.sum() - 1.0) < 1e-9
    assert (pmf >= 0).all()


@given(st.floats(-2, 2), st.floats(0.02, 2), st.floats(0.02, 2))
def test_two_normals_agree_with_the_closed_form(gap, first, second):
    pmf = best_of_normals(np.array([gap, 0.0]), np.array([first, second]))
    assert abs(pmf[0] - norm.cdf(gap / np.hypot(first, second))) < 0.02


@given(pairs, st.floats(-50, 50), st.floats(0.1, 50))
def test_shift_and_scale_change_nothing(arms, shift, scale):
    means, deviations = np.array(arms).T
    moved = best_of_normals(means * scale + shift, deviations * scale)
    np.testing.assert_allclose(moved, best_of_normals(means, deviations), atol=1e-6)


def test_many_normals_agree_with_simulation():
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=12), rng.uniform(0.1, 1.5, 12)
    draws = rng.normal(means, deviations, (200_000, 12)).argmax(axis=1)
    np.testing.assert_allclose(
        best_of_normals(means, deviations), np.bincount(draws, minlength=12) / 200_000, atol=0.01
    )


def test_betas_agree_with_simulation():
    rng = np.random.default_rng(1)
    a, b = np.array([1.0, 30.0, 300.0, 2.0]), np.array([1.0, 70.0, 650.0, 9.0])
    grid = np.concatenate([beta.ppf(np.linspace(0.0, 1.0, 61)[:, None], a, b).ravel()])
    pmf = best_of(lambda points: beta.cdf(points, a, b), grid)
    draws = rng.beta(a, b, (200_000, 4)).argmax(axis=1)
    np.testing.assert_allclose(pmf, np.bincount(draws, minlength=4) / 200_000, atol=0.01)


def test_one_sure_arm_between_unsure_ones_keeps_its_mass():
    pmf = best_of_normals(np.array([0.0, 0.0, 0.0]), np.array([1e-9, 1.0, 1.0]))
    np.testing.assert_allclose(pmf, [0.25, 0.375, 0.375], atol=0.02)
