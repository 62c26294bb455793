"""Numbers as people read them: a minus is a minus, nothing is -0, and sentences say amounts as cards do."""

import re
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from dashboard.format import MISSING, amounts, in_unit, interval, money, number, percent
from experiments.model.designing.kinds import Unit

VALUES = st.floats(-1e9, 1e9)
UNITS = st.sampled_from(get_args(Unit))


@given(VALUES, UNITS, st.booleans())
def test_a_figure_has_one_sign_at_most_and_no_hyphen(value, unit, signed):
    told = in_unit(unit, value, "EUR", signed=signed)
    assert len(re.findall("[-+−]", told)) <= 1
    assert not re.search(r"-|[+−]0(\s%)?$|\de|nan|None", told)


def test_what_is_not_known_is_a_dash():
    assert {
        number(None),
        percent(None),
        money(None, "EUR"),
        *(in_unit(unit, None, "EUR") for unit in get_args(Unit)),
    } == {MISSING}
    assert interval("share", None) == "no interval"


def test_a_sentence_of_the_service_says_amounts_as_cards_do():
    told = "about EUR −1,200 (between EUR −5,000 and EUR 1,200)."
    assert amounts(told, "EUR") == "about −€1,200 (between −€5,000 and €1,200)."
    assert amounts("they lost CAD 12", "CAD") == "they lost CAD 12"
    assert amounts("nothing", None) == "nothing"
