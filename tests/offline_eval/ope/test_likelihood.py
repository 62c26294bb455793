"""The empirical likelihood's dual against a direct solution, and its table of cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import f as fisher

from offline_eval.intervals.cells import EXACT_LIMIT, cells_of
from offline_eval.intervals.empirical_likelihood import bounds
from offline_eval.intervals.likelihood import Table, tilt
from tests.examples import few


def direct_lower(count: np.ndarray, weight: np.ndarray, reward: np.ndarray, high: float, alpha: float) -> float:
    """Least Σ q w r over the observed cells and the four unseen corners, by a general-purpose solver."""
    corner_weight, corner_reward = np.repeat([0.0, high], 2), np.tile([0.0, 1.0], 2)
    w, wr = np.append(weight, corner_weight), np.append(weight * reward, corner_weight * corner_reward)
    n, cells = count.sum(), len(count)
    likeliest = count / (n + tilt(Table(count[None], weight[None], 0.0, high))[0] * (weight - 1.0))
    slack = 0.5 * fisher.isf(alpha, 1, n - 1) / n
    share = count / n
    solved = minimize(
        lambda q: q @ wr,
        np.append(likeliest, np.zeros(4)),
        jac=lambda _: wr,
        bounds=[(0.2 * c, 1.0) for c in share] + [(0.0, 1.0)] * 4,
        constraints=[
            {"type": "eq", "fun": lambda q: q.sum() - 1.0},
            {"type": "eq", "fun": lambda q: q @ w - 1.0},
            {"type": "ineq", "fun": lambda q: share @ np.log(q[:cells] / likeliest) + slack},
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    q = solved.x
    assert (q.sum(), q @ w) == pytest.approx((1.0, 1.0), abs=1e-8)
    assert share @ np.log(q[:cells] / likeliest) > -slack - 1e-8
    return float(solved.fun)


@pytest.mark.parametrize("high", [4.0, 20.0])
@pytest.mark.parametrize("seed", range(4))
def test_dual_equals_the_direct_solution(seed: int, high: float) -> None:
    rng = np.random.default_rng(seed)
    weight = np.repeat([0.0, 0.5, 1.5, 3.5], 2)
    reward = np.tile([0.0, 1.0], 4)
    count = rng.integers(3, 60, 8).astype(float)
    lower, upper = bounds(Table(count[None], weight[None], 0.0, high), (weight * reward)[None], (0.0, 1.0), 0.05)
    assert lower[0] == pytest.approx(direct_lower(count, weight, reward, high, 0.05), abs=2e-5)
    assert upper[0] == pytest.approx(1.0 - direct_lower(count, weight, 1.0 - reward, high, 0.05), abs=2e-5)


def test_many_logs_at_once_equal_one_by_one() -> None:
    rng = np.random.default_rng(2)
    weight = np.tile([0.0, 0.5, 1.5, 3.5], (5, 1))
    count = rng.integers(0, 40, (5, 4)).astype(float) + np.array([1, 0, 0, 1])
    product = weight * rng.random((5, 4))
    together = bounds(Table(count, weight, 0.0, 9.0), product, (0.0, 1.0), 0.05)
    for row in range(5):
        part = slice(row, row + 1)
        alone = bounds(Table(count[part], weight[part], 0.0, 9.0), product[part], (0.0, 1.0), 0.05)
        assert (alone[0][0], alone[1][0]) == pytest.approx((together[0][row], together[1][row]), abs=1e-8)


@few(25)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 3 * EXACT_LIMIT), cut=st.floats(0, 1), few=st.booleans())
def test_tables_merge_whatever_the_cut(seed: int, rows: int, cut: float, few: bool) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 5, rows) * 1.0 if few else rng.gamma(1.0, 1.0, rows)
    reward = rng.integers(0, 2, rows) * 1.0
    place = int(cut * rows)
    merged = cells_of(weight[:place], reward[:place]) + cells_of(weight[place:], reward[place:])
    whole = cells_of(weight, reward)
    assert merged.exact == whole.exact == (few or rows <= EXACT_LIMIT)
    for one, two in zip(merged.points, whole.points, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_the_grid_moves_the_interval_by_less_than_a_thousandth_of_its_width() -> None:
    rng = np.random.default_rng(6)
    weight, reward = rng.gamma(0.5, 2.0, 4000), rng.random(4000)
    found = []
    for cells in (cells_of(weight, reward), cells_of(weight, reward, exact=False)):
        count, point, product = cells.points
        found.append(
            np.array(bounds(Table(count[None], point[None], 0.0, 60.0), product[None], (0.0, 1.0), 0.05)).ravel()
        )
    assert len(cells.count) < 4000
    assert np.abs(found[0] - found[1]).max() < 1e-3 * (found[0][1] - found[0][0])
