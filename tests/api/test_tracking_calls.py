"""Segment's calls read one by one: when they happened, and what makes them unique."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.services.tracking.calls import TrackingCall, as_moment, read_call

TRACK = {
    "userId": "019mr8mf4r",
    "event": "Item Purchased",
    "properties": {"name": "Leap to Conclusions Mat", "revenue": 14.99},
    "timestamp": "2012-12-02T00:30:12.984Z",
}

RECEIVED = datetime(2030, 1, 1, 12, tzinfo=UTC)


@given(skew=st.timedeltas(-timedelta(days=3000), timedelta(days=3000)), ago=st.timedeltas(timedelta(0), timedelta(9)))
def test_a_wrong_clock_does_not_matter(skew, ago):
    """The sender's clock is off by `skew`; what counts is how long before sending it happened."""
    device = {"originalTimestamp": (RECEIVED + skew - ago).isoformat(), "sentAt": (RECEIVED + skew).isoformat()}
    call = read_call({"userId": "u", "event": "e", **device}, "track", None, RECEIVED)
    assert call.occurred_at == RECEIVED - ago
    batched = {"userId": "u", "event": "e", "timestamp": device["originalTimestamp"]}
    assert read_call(batched, "track", device["sentAt"], RECEIVED).occurred_at == RECEIVED - ago


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ({}, RECEIVED),
        ({"timestamp": "2012-12-02T00:30:08.276Z"}, datetime(2012, 12, 2, 0, 30, 8, 276000, UTC)),
        ({"timestamp": "2015-2-02T00:30:08.276Z"}, datetime(2015, 2, 2, 0, 30, 8, 276000, UTC)),
        ({"timestamp": "2015-02-02T02:30:08+02:00"}, datetime(2015, 2, 2, 0, 30, 8, tzinfo=UTC)),
        ({"timestamp": "2015-02-02"}, datetime(2015, 2, 2, tzinfo=UTC)),
        ({"timestamp": "yesterday"}, RECEIVED),
        ({"timestamp": 5, "sentAt": None}, RECEIVED),
        ({"sentAt": "2015-02-02T00:00:00Z"}, RECEIVED),
        ({"timestamp": "9999-12-31T23:59:59Z", "sentAt": "0001-01-01T00:00:00Z"}, RECEIVED),
        (
            {
                "timestamp": "2015-12-10T04:08:31.905Z",
                "sentAt": "2015-12-10T04:08:31.581Z",
                "receivedAt": "2015-12-10T04:08:31.909Z",
            },
            datetime(2015, 12, 10, 4, 8, 31, 905000, UTC),
        ),
    ],
)
def test_timestamps(stamps, expected):
    assert read_call({"userId": "u", "event": "e", **stamps}, "track", None, RECEIVED).occurred_at == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)))
def test_a_moment_is_read_as_it_was_written(moment):
    aware = moment.replace(tzinfo=UTC)
    assert as_moment(aware.isoformat()) == aware
    assert as_moment(aware.isoformat().replace("+00:00", "Z")) == aware


def test_without_a_message_id_a_dated_retry_is_the_same_event():
    once, again = (read_call(body, "track", None, RECEIVED) for body in (TRACK, {**TRACK, "sentAt": "2013-01-01"}))
    assert isinstance(once, TrackingCall)
    assert once.event_id == again.event_id
    undated = {name: value for name, value in TRACK.items() if name != "timestamp"}
    assert read_call(undated, "track", None, RECEIVED).event_id != read_call(undated, "track", None, RECEIVED).event_id
    assert read_call({**TRACK, "event": "Other"}, "track", None, RECEIVED).event_id != once.event_id
