"""Laws of the price on cost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandit.shadow_price import lifted, with_shadow_price

PMFS = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=12).map(lambda raw: np.array(raw) / sum(raw))
FLOORS = st.floats(0.0, 0.2)
PRICES = st.floats(0.0, 1e4)


@given(PMFS, PRICES, FLOORS, st.data())
def test_a_priced_pmf_is_a_pmf_above_its_floor(pmf, price, floor, data):
    costs = np.array(data.draw(st.lists(st.floats(0, 1e4), min_size=len(pmf), max_size=len(pmf))))
    priced = with_shadow_price(lifted(pmf, floor), costs, price, floor)
    assert abs(priced.sum() - 1.0) < 1e-12
    assert (priced >= min(floor, 1 / len(pmf)) - 1e-12).all()


@given(PMFS, FLOORS, st.data())
def test_no_price_no_change_and_equal_costs_no_change(pmf, floor, data):
    held = lifted(pmf, floor)
    assert with_shadow_price(held, np.arange(len(pmf), dtype=float), 0.0, floor) is held
    same = with_shadow_price(held, np.full(len(pmf), data.draw(st.floats(0, 100))), 3.0, floor)
    assert np.allclose(same, held, atol=1e-12)


@given(PMFS, st.floats(0, 5), st.floats(0, 5), st.data())
def test_the_expected_cost_falls_with_the_price(pmf, low, more, data):
    costs = np.array(data.draw(st.lists(st.floats(0, 10), min_size=len(pmf), max_size=len(pmf))))
    for floor in (0.0, 0.01):
        cheap = with_shadow_price(lifted(pmf, floor), costs, low, floor) @ costs
        cheaper = with_shadow_price(lifted(pmf, floor), costs, low + more, floor) @ costs
        assert cheaper <= cheap + 1e-9


def test_a_certain_arm_stays_certain():
    pmf = np.array([0.0, 1.0, 0.0])
    assert with_shadow_price(pmf, np.array([0.0, 1e9, 3.0]), 1e9, 0.0).tolist() == [0.0, 1.0, 0.0]
