"""Bounds under hidden reasons: the extremes by brute force, their order in gamma, and that they hold the truth."""

import itertools

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_eval.ope.sensitivity import GAMMAS, MOST, Rows, bounds, extreme, flips_at, margin


def some_rows(n: int, seed: int, *, gain: float = 0.3) -> Rows:
    """Two arms drawn evenly, one decision a unit; the target always takes the arm whose rate is higher by `gain`."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    reward = (rng.random(n) < 0.3 + gain * arm).astype(float)
    return Rows((arm == 1).astype(float), np.full(n, 0.5), reward, np.arange(n, dtype=np.uint64))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 0.9), st.floats(-5, 5)), min_size=1, max_size=8),
    st.floats(1.0, 5.0),
)
@settings(max_examples=60, deadline=None)
def test_extremes_are_those_of_every_corner_of_the_boxes(rows, gamma):
    target, propensity, reward = (np.array(column) for column in zip(*rows, strict=True))
    if target.sum() < 1e-3:
        return
    seen = Rows(target, propensity, reward, np.arange(len(rows), dtype=np.uint64))
    low, high = seen.box(gamma)
    corners = [np.where(pick, high, low) for pick in itertools.product([False, True], repeat=len(rows))]
    values = [weight @ reward / weight.sum() for weight in corners]
    assert extreme(seen, gamma, upper=True).value == pytest.approx(max(values), abs=1e-9)
    assert extreme(seen, gamma, upper=False).value == pytest.approx(min(values), abs=1e-9)


def test_without_hidden_reasons_the_bounds_are_the_value():
    rows = some_rows(400, 1)
    found = bounds(rows, 1.0)
    value = rows.reward[rows.target > 0].mean()
    assert found.least == pytest.approx(value) and found.most == pytest.approx(value)
    assert found.lower < value < found.upper


def test_bounds_widen_with_gamma_and_stay_in_the_rewards_range():
    found = [bounds(some_rows(400, 2), gamma) for gamma in GAMMAS]
    for one, two in itertools.pairwise(found):
        assert two.least <= one.least and two.most >= one.most and two.lower < one.lower and two.upper > one.upper
    assert all(0 <= each.least <= each.most <= 1 for each in found)


def test_the_gamma_that_turns_the_conclusion_is_where_its_margin_ends():
    rows = some_rows(4000, 3)
    turned = flips_at(rows, 1.0)
    assert turned is not None and 1.1 < turned < MOST
    assert margin(rows, turned - 0.02, 1.0) > 0 >= margin(rows, turned, 1.0)
    assert flips_at(some_rows(400, 4, gain=0.0), 1.0) == 1.0
    assert flips_at(rows, -1.0) == 1.0
    assert flips_at(rows, 1.0, 0.05 / 12) < turned
    certain = Rows(rows.target, rows.propensity, rows.target, rows.unit)
    assert flips_at(certain, 1.0) is None


def hidden_world(n: int, gamma: float, rng: np.random.Generator) -> tuple[Rows, float]:
    """A hidden trait moves both choice and outcome; the odds of the choice differ by `gamma` from the fitted ones."""
    trait = rng.integers(0, 2, n)
    fitted = 0.5
    high, low = gamma / (1 + gamma), 1 / (1 + gamma)
    treated = rng.random(n) < np.where(trait == 1, high, low)
    reward = (rng.random(n) < 0.2 + 0.4 * trait + 0.1 * treated).astype(float)
    rows = Rows(treated.astype(float), np.full(n, fitted), reward, np.arange(n, dtype=np.uint64))
    return rows, 0.2 + 0.4 * 0.5 + 0.1


def test_bounds_hold_the_truth_where_hidden_reasons_are_as_strong_as_allowed():
    rng, lives = np.random.default_rng(9), 300
    missed = wrong = 0
    for _ in range(lives):
        rows, truth = hidden_world(1500, 2.0, rng)
        found, naive = bounds(rows, 2.0), bounds(rows, 1.0)
        missed += not found.lower <= truth <= found.upper
        wrong += not naive.lower <= truth <= naive.upper
    assert scipy.stats.binomtest(missed, lives, 0.05, "greater").pvalue > 1e-3
    assert wrong > 0.9 * lives


def test_units_with_many_rows_are_one_observation():
    rows = some_rows(300, 5)
    tenfold = Rows(*(np.repeat(column, 10) for column in (rows.target, rows.propensity, rows.reward, rows.unit)))
    for gamma in (1.0, 2.0):
        one, two = bounds(rows, gamma), bounds(tenfold, gamma)
        assert (two.least, two.lower) == (pytest.approx(one.least), pytest.approx(one.lower))
