"""A bucket admits what its limit says, whoever asks and however the calls are spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import TooManyError
from experiments.model.access.rate_limits import Bucket, RateLimit


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def _admitted(bucket):
    try:
        bucket.take()
    except TooManyError:
        return False
    return True


limits = st.builds(RateLimit, st.integers(1, 50), st.sampled_from(["second", "minute"]), st.integers(1, 50))


@given(limits, st.lists(st.floats(0, 5), max_size=80))
def test_never_more_than_the_burst_and_what_came_since(limit, pauses):
    clock = Clock()
    bucket, admitted = Bucket(limit, clock), 0
    for pause in pauses:
        clock.now += pause
        admitted += _admitted(bucket)
        assert admitted <= limit.burst + clock.now * limit.rate + 1e-6


@given(limits)
def test_after_the_wait_it_names_a_call_is_admitted(limit):
    clock = Clock()
    bucket = Bucket(limit, clock)
    for _ in range(limit.burst):
        bucket.take()
    with pytest.raises(TooManyError) as refused:
        bucket.take()
    clock.now += refused.value.retry_after
    bucket.take()


def test_rows_are_taken_on_credit():
    clock = Clock()
    bucket = Bucket(RateLimit(10, "second", 10), clock)
    bucket.take()
    bucket.charge(999)
    with pytest.raises(TooManyError) as refused:
        bucket.take()
    assert refused.value.retry_after == 100
    clock.now += 99.0
    assert not _admitted(bucket)
    clock.now += 1.0
    assert _admitted(bucket)


@given(limits)
def test_what_is_written_is_read(limit):
    assert RateLimit.parse(str(limit)) == limit


@pytest.mark.parametrize("text", ["", "10", "10/hour", "0/second", "10/second,0", "-1/second", "9999999/second"])
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(ValueError, match="must be"):
        RateLimit.parse(text)


def test_the_burst_is_the_rate_where_none_is_said():
    assert RateLimit.parse("5/minute") == RateLimit(5, "minute", 5)
