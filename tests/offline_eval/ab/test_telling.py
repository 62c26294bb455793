"""Amounts that stand together have the same digits, and show what is not nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_eval.ab.telling import MOST_DECIMALS, evenly, with_bounds

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3)


@given(values, st.sampled_from(["", "points", "EUR", "EUR a decision"]), st.booleans())
def test_all_have_the_same_decimals_and_say_the_value(found: list[float], unit: str, signed: bool) -> None:
    told = evenly(found, unit, signed=signed)
    assert len({len(one.partition(".")[2]) for one in told}) == 1
    decimals = len(told[0].partition(".")[2])
    assert decimals <= MOST_DECIMALS and (decimals >= 2 or not unit.startswith("EUR"))
    for value, one in zip(found, told, strict=True):
        scaled = 100 * value if unit == "points" else value
        assert abs(float(one.replace(",", "")) - scaled) <= 0.5 * 10.0**-decimals + 1e-9 * abs(scaled)
        assert not one.startswith("-0.") or float(one) != 0


@pytest.mark.parametrize(
    ("amounts", "unit", "told"),
    [
        ((1.2, 0.45, 1.95), "EUR a decision", "+1.20 EUR a decision (+0.45 to +1.95)"),
        ((0.012, 0.0003, 0.03), "EUR a decision", "+0.0120 EUR a decision (+0.0003 to +0.0300)"),
        ((1234.5, -3.0, 2500.0), "EUR a decision", "+1,234.50 EUR a decision (-3.00 to +2,500.00)"),
        ((0.1, 0.0, 0.2), "points", "+10 points (0 to +20)"),
    ],
)
def test_a_difference_is_told_in_its_unit(amounts: tuple[float, float, float], unit: str, told: str) -> None:
    assert with_bounds(*amounts, unit) == told
