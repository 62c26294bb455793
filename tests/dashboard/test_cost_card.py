"""The card of what an incremental user costs."""

import pytest

from dashboard.parts.comparing import _cost_card

from .walking import words


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        ({"value": None, "lower": None, "upper": None, "note": "users were lost, not gained"}, "Users were lost"),
        ({"value": 4.0, "lower": 2.0, "upper": None, "note": "unbounded"}, "may be nothing"),
        ({"value": 4.0, "lower": 2.0, "upper": 9.0, "note": ""}, "95 %: "),
        ({}, "nothing to compare it with"),
    ],
)
def test_a_missing_price_says_why(cost, told):
    assert told in words(_cost_card({"money": {"bandit": {"cost_per_incremental": cost}}}, "bandit", "EUR"))
