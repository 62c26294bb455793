"""The address holds all that a viewer chose, and survives whatever is typed into it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.filters import CUSTOM, PERIODS, Filters

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
DAYS = st.dates().map(lambda day: day.isoformat())


@st.composite
def chosen(draw):
    period = draw(st.sampled_from([*PERIODS, CUSTOM]))
    since, until = sorted([draw(DAYS), draw(DAYS)]) if period == CUSTOM else (None, None)
    own = {"unit": draw(NAMES)} if draw(st.booleans()) else {}
    some = st.none() | NAMES
    return Filters(draw(some), draw(some), draw(some), period, since, until, draw(st.booleans()), own)


@given(chosen())
def test_the_address_keeps_everything(filters):
    assert Filters.parse(filters.search()) == filters


@given(st.text())
def test_any_address_means_something(text):
    Filters.parse(text).span(datetime(2026, 1, 1, tzinfo=UTC))


def test_the_period_before_is_as_long_and_ends_where_it_begins():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    filters = Filters(period="30d", compare=True)
    (start, end), (earlier, until) = filters.span(at), filters.before(at)
    assert (end - start, end) == (timedelta(days=30), at)
    assert (until, until - earlier) == (start, timedelta(days=30))
    assert Filters(period="30d").before(at) is None
