"""The client against a scripted service: retries, idempotency, fallbacks and their memory."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.winback_client.scripted import AWAY, DECISION, QUICK, Script
from tests.winback_client.scripted import options as _options
from winback_client import Assignment, AwayError, FallbackMemory, Options, Outcome, RefusedError, Retrying
from winback_client.fallbacks import Exposure
from winback_client.retrying import Attempts, asked_wait


def test_an_answer_is_typed(make):
    script = Script((200, DECISION))
    decision = make(handler=script, options=_options()).assign("e/x", "u", {"orders": 3})
    assert (decision.arm, decision.fallback, decision.decided_at) == ("a", False, datetime(2026, 1, 1, tzinfo=UTC))
    ((method, path, body),) = script.seen
    assert (method, path, body["context"]) == ("POST", "/v1/experiments/e/x/assignments", {"orders": 3})


@pytest.mark.parametrize("failure", [AWAY, httpx.ReadTimeout("slow"), (503, {}), (429, {}), (500, {}), (502, {})])
def test_a_call_is_repeated_with_the_same_key(make, failure):
    script = Script(failure, failure, (200, DECISION))
    assert not make(handler=script, options=_options()).assign("e", "u").fallback
    keys = {body["idempotency_key"] for _, _, body in script.seen}
    assert (len(script.seen), len(keys)) == (3, 1)
    assert len(next(iter(keys))) == 32


def test_different_calls_have_different_keys_and_a_given_one_is_kept(make):
    script = Script((200, DECISION))
    client = make(handler=script, options=_options())
    client.assign("e", "u")
    client.assign("e", "u")
    client.assign("e", "u", idempotency_key="mine", at=datetime(2026, 1, 1, tzinfo=UTC), arm="a")
    keys = [body["idempotency_key"] for _, _, body in script.seen]
    assert len(set(keys)) == 3
    assert script.seen[-1][2]["idempotency_key"] == "mine"
    assert (script.seen[-1][2]["at"], script.seen[-1][2]["arm"]) == ("2026-01-01T00:00:00+00:00", "a")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_neither_repeated_nor_hidden(make, status):
    script = Script((status, {"detail": "no", "errors": [{"pointer": "/x", "detail": "why"}]}))
    client = make(handler=script, options=_options())
    with pytest.raises(RefusedError) as refused:
        client.assign("e", "u")
    assert (refused.value.status, refused.value.detail, len(script.seen)) == (status, "no", 1)
    assert refused.value.errors == [{"pointer": "/x", "detail": "why"}]
    assert str(refused.value) == f"{status}: no; /x: why"
    assert refused.value.row is None
    assert len(client.options.memory) == 0


def test_away_is_the_control_and_is_reported_before_the_next_question(make):
    script = Script(AWAY)
    options = _options(control={"e": "plain"}, payloads={"e": {"t": 1}})
    client = make(handler=script, options=options)
    first = client.assign("e", "u", idempotency_key="k1")
    other = client.assign("other", "u")
    assert (first.fallback, first.assigned, first.arm, first.payload, first.decision_id) == (
        True,
        True,
        "plain",
        {"t": 1},
        None,
    )
    assert (other.arm, other.reason) == ("nothing", "fallback")
    assert len(options.memory) == 2
    script.seen.clear()
    script.answers = [(200, {"results": []}), (200, DECISION)]
    assert not client.assign("e", "u").fallback
    (_, path, reported), (_, asked, _) = script.seen
    assert (path, asked) == ("/v1/exposures/fallback", "/v1/experiments/e/assignments")
    assert [(row["experiment"], row["arm"]) for row in reported["exposures"]] == [("e", "plain"), ("other", "nothing")]
    assert reported["exposures"][0]["idempotency_key"] == "k1"
    assert len(options.memory) == 0


def test_a_report_that_gets_no_answer_is_kept(make):
    script = Script(AWAY)
    client = make(handler=script, options=_options())
    client.assign("e", "u")
    with pytest.raises(AwayError):
        client.report_fallbacks()
    assert len(client.options.memory) == 1
    kept = client.options.memory.oldest()[0].exposure_id
    script.answers = [(200, {"results": []})]
    assert client.report_fallbacks() == 1
    assert script.seen[-1][2]["exposures"][0]["exposure_id"] == kept


def test_while_it_rests_the_service_is_left_alone(make):
    script = Script(AWAY)
    options = Options(retrying=QUICK, rest=0.3)
    client = make(handler=script, options=options)
    began = time.monotonic()
    for _ in range(20):
        assert client.assign("e", "u").fallback
    assert time.monotonic() - began < 0.3
    assert len(script.seen) == 3
    assert len(options.memory) == 20
    time.sleep(0.35)
    script.answers = [(200, {"results": []}), (200, DECISION)]
    assert not client.assign("e", "u").fallback


def test_a_refused_row_says_which_it_is_and_what_is_wrong(make):
    faults = [{"pointer": f"/context/{n}", "detail": "must be a number"} for n in range(7)]
    problem = {"status": 422, "detail": "7 fault(s) in this row", "errors": faults}
    script = Script((200, {"results": [DECISION] * 1000}), (200, {"results": [DECISION, problem, DECISION]}))
    client = make(handler=script, options=_options())
    answers = client.assign_batch("e", [Assignment(f"u{n}") for n in range(1003)])
    (refused,) = (each for each in answers if isinstance(each, RefusedError))
    assert (answers.index(refused), refused.row, refused.errors) == (1001, 1001, faults)
    assert str(refused).startswith("row 1001: 422: 7 fault(s) in this row; /context/0: must be a number; ")
    assert str(refused).endswith("and 2 more in `errors`")


def test_a_batch_is_answered_row_by_row_or_falls_back_whole(make):
    refused = {"status": 409, "detail": "another unit's key"}
    script = Script((200, {"results": [DECISION, refused]}))
    client = make(handler=script, options=_options())
    good, bad = client.assign_batch("e", [Assignment("u"), Assignment("v")])
    assert good.arm == "a"
    assert isinstance(bad, RefusedError) and bad.status == 409
    script.answers = [AWAY]
    answers = client.assign_batch("e", [Assignment(f"u{n}") for n in range(1500)])
    assert [each.unit_id for each in answers] == [f"u{n}" for n in range(1500)]
    assert all(each.fallback for each in answers)
    assert len(client.options.memory) == 1500


def test_outcomes_go_in_bodies_of_a_thousand_with_ids_of_their_own(make):
    def answer(request):
        rows = json.loads(request.content)["outcomes"]
        seen.append(rows)
        if len(seen) == 1:
            return httpx.Response(503, json={})
        return httpx.Response(
            200, json={"results": [{"event_id": row["event_id"], "class": "accepted"} for row in rows]}
        )

    seen = []
    client = make(handler=answer, options=_options())
    outcomes = [Outcome("session", unit_id=f"u{n}") for n in range(1200)]
    recorded = client.record(outcomes)
    assert [len(rows) for rows in seen] == [1000, 1000, 200]
    assert seen[0] == seen[1], "a retry repeats the same event ids"
    assert [each.event_id for each in recorded] == [each.event_id for each in outcomes]
    assert len({each.event_id for each in recorded}) == 1200
    assert client.record(Outcome("conversion", unit_id="u", value=3.5))[0].outcome_class == "accepted"


def test_what_cannot_fall_back_says_so(make):
    client = make(handler=Script(AWAY), options=_options())
    for call in (lambda: client.record([Outcome("session", unit_id="u")]), lambda: client.void("d_1", "expired")):
        with pytest.raises(AwayError):
            call()
    assert client.record([]) == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_whatever_is_no_document_is_no_answer(make, body):
    client = make(handler=lambda _: httpx.Response(200, content=body), options=_options())
    assert client.assign("e", "u").fallback


def test_retry_after_is_honoured_in_both_forms():
    def wait(value):
        return asked_wait(httpx.Response(503, headers={"Retry-After": value}))

    assert wait("7") == 7.0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < wait(later) <= 30
    assert wait("soon") == wait("") == wait(format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)) == 0.0
    patient = Attempts(Retrying(patience=10.0))
    assert patient.wait_after(httpx.Response(503, headers={"Retry-After": "2"})) == 2.0
    hasty = Attempts(Retrying(patience=1.0))
    assert hasty.wait_after(httpx.Response(503, headers={"Retry-After": "2"})) is None


@given(st.integers(1, 12), st.floats(0.001, 1.0), st.floats(0.01, 2.0))
def test_waits_grow_within_their_bounds_and_end(attempts, base, longest):
    course = Attempts(Retrying(attempts, base, longest, patience=1e9))
    waits = []
    while (wait := course.wait_after(AWAY)) is not None:
        waits.append(wait)
    assert len(waits) == attempts - 1
    assert all(0 <= wait <= min(longest, base * 2 ** (n + 1)) for n, wait in enumerate(waits))


def _exposure(number):
    return Exposure(f"x{number}", "e", f"u{number}", "nothing", "2026-01-01T00:00:00+00:00", f"k{number}")


def test_memory_is_bounded_and_counts_what_it_loses():
    memory = FallbackMemory(most=3)
    memory.remember(_exposure(n) for n in range(5))
    assert [each.exposure_id for each in memory.oldest()] == ["x2", "x3", "x4"]
    assert memory.dropped == 2
    assert [each.exposure_id for each in memory.oldest(1)] == ["x2"]


def test_memory_on_disk_survives_the_process_and_a_torn_line(tmp_path):
    path = tmp_path / "state" / "fallbacks.jsonl"
    memory = FallbackMemory(path)
    memory.remember([_exposure(1), _exposure(2)])
    memory.remember([_exposure(3)])
    memory.forget([_exposure(2)])
    memory.remember([_exposure(4)])
    with path.open("a") as file:
        file.write('{"exposure_id": "x5", "exper')
    found = FallbackMemory(path)
    assert [each.exposure_id for each in found.oldest()] == ["x1", "x3", "x4"]
    assert path.stat().st_mode & 0o077 == 0
    found.forget(found.oldest())
    assert len(FallbackMemory(path)) == 0


def test_closing_reports_what_it_can(make):
    script = Script(AWAY)
    client = make(handler=script, options=_options())
    client.assign("e", "u")
    script.answers = [(200, {"results": []})]
    client.close()
    assert script.seen[-1][1] == "/v1/exposures/fallback"
    assert len(client.options.memory) == 0


def test_a_wait_that_is_asked_for_is_kept_also_beyond_the_patience(make):
    script = Script((429, {}, {"Retry-After": "30"}), (200, DECISION))
    client = make(handler=script, options=_options())
    assert all(client.assign("e", "u").fallback for _ in range(5))
    assert len(script.seen) == 1
