"""Estimates of what has bounds."""

from hypothesis import given
from hypothesis import strategies as st

from offline_eval.estimate import Estimate

numbers = st.floats(-5, 5)
bounds = st.lists(numbers, min_size=3, max_size=3).map(sorted)


@given(bounds, st.floats(0, 1))
def test_what_cannot_be_is_cut_off_and_nothing_that_can(found, truth):
    lower, value, upper = found
    held = Estimate(value, lower, upper, 10, 10.0, "any").held_within(0.0, 1.0)
    assert 0.0 <= held.lower <= held.value <= held.upper <= 1.0
    if lower <= truth <= upper:
        assert held.lower <= truth <= held.upper


def test_what_is_not_known_stays_so():
    assert Estimate(None, None, 3.0, 0, 0.0, "any").held_within(0.0, 1.0) == Estimate(None, None, 1.0, 0, 0.0, "any")
