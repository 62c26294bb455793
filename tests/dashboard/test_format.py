"""Numbers as people read them: a minus is a minus, nothing is -0, and sentences say amounts as cards do."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dashboard.format import MISSING, amounts, interval, metric, money, number, percent

VALUES = st.floats(-1e9, 1e9)
METRICS = st.sampled_from(["revenue", "reengagement", "depth"])


@given(VALUES, METRICS, st.booleans())
def test_a_figure_has_one_sign_at_most_and_no_hyphen(value, name, signed):
    told = metric(name, value, "EUR", signed=signed)
    assert len(re.findall("[-+−]", told)) <= 1
    assert not re.search(r"-|[+−]0(\s%)?$|\de|nan|None", told)


def test_what_is_not_known_is_a_dash():
    assert {number(None), percent(None), money(None, "EUR"), metric("roi", None, "EUR")} == {MISSING}
    assert interval("roi", None, "EUR") == "no interval"


def test_a_sentence_of_the_service_says_amounts_as_cards_do():
    told = "about EUR −1,200 (between EUR −5,000 and EUR 1,200)."
    assert amounts(told, "EUR") == "about −€1,200 (between −€5,000 and €1,200)."
    assert amounts("they lost CAD 12", "CAD") == "they lost CAD 12"
    assert amounts("nothing", None) == "nothing"
