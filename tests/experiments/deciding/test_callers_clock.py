"""The caller's clock never goes back, so that no slip may move it far ahead."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.errors import InvalidError
from experiments.model.access.principal import SYSTEM
from experiments.model.callers_clock import MOST_DAYS, check_jump
from experiments.model.deciding.decisions import MAX_INSTANT
from experiments.model.times import DAY, to_datetime
from experiments.services.clocking import advance_clock
from tests.examples import few

MOST = MOST_DAYS * DAY
instants = st.integers(0, MAX_INSTANT - 1)
WRONG_YEAR = "2206-01-01T10:00:00Z"


@given(stands=st.none() | instants, at=instants, server=instants)
def test_a_jump_is_refused_exactly_where_it_is_longer_than_the_most(stands, at, server):
    ahead = at - (server if stands is None else stands)
    if ahead <= MOST:
        check_jump(stands, at, server)
    else:
        with pytest.raises(InvalidError, match=r"confirm"):
            check_jump(stands, at, server)


def _moment(at):
    return to_datetime(at).isoformat()


def test_whatever_is_asked_the_clock_moves_as_far_as_the_law_says(launch, client, engine):
    """Decisions and moves of the clock at generated instants: it stands where the last that was let through put it."""
    campaigns = iter(range(10**6))

    @few(25, deadline=None)
    @given(st.lists(st.tuples(st.booleans(), st.integers(-MOST, 3 * MOST)), min_size=1, max_size=5))
    def walk(steps):
        running = launch(key=f"walk-{next(campaigns)}", clock="caller", decision_window="PT1H")
        start = stands = 1_600_000_000_000_000
        advance_clock(engine, SYSTEM, running.key, start)
        for number, (decides, by) in enumerate(steps):
            at = stands + by
            expected = 200 if 0 <= by <= MOST else 409 if by < 0 else 422
            if decides:
                found = running.ask(f"u{number}", expected, at=_moment(at))
            else:
                answer = client.post(f"{running.path}/clock", json={"at": _moment(at)})
                assert answer.status_code == expected
                found = answer.json()
            if expected == 422:
                assert found["errors"][0]["pointer"] == "/at" and '"confirm": true' in found["errors"][0]["detail"]
            stands = at if expected == 200 else stands
            with pytest.raises(Exception, match="does not go back"):
                advance_clock(engine, SYSTEM, running.key, stands - 1)

    walk()


def test_a_wrong_year_is_refused_at_every_door_and_a_jump_can_be_confirmed(launch, client):
    running = launch(clock="caller", decision_window="PT1H")
    far = (datetime.now(UTC) + timedelta(days=MOST_DAYS + 2)).isoformat()
    assert "the server's clock" in running.ask("u", 422, at=far)["errors"][0]["detail"], "also the first instant"
    running.ask("u", at="2020-01-01T10:00:00Z")
    running.ask("u", 422, at=WRONG_YEAR)
    (row,) = running.ask_many([{"unit_id": "w", "at": WRONG_YEAR}])
    assert row["status"] == 422
    assert client.post(f"{running.path}/batches", json={"at": WRONG_YEAR}).status_code == 422
    assert client.post(f"{running.path}/clock", json={"at": WRONG_YEAR}).status_code == 422
    assert running.ask("v", preview=True, at=WRONG_YEAR)["decided_at"] == WRONG_YEAR, "a preview moves nothing"
    running.ask("w", at="2020-01-01T10:00:01Z")
    moved = {"at": "2023-01-01T00:00:00Z", "confirm": True}
    assert client.post(f"{running.path}/clock", json=moved).json()["now"] == moved["at"]
    running.ask("u", at="2023-01-01T00:00:00Z")
