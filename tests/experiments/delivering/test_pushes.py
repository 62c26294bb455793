"""Pushes: signed, tried again, dead with an alert, recorded once, whatever happens in between."""

import json
import random
import time

import pytest
from sqlalchemy import text
from sqlmodel import select
from standardwebhooks import Webhook, WebhookVerificationError

from experiments.connectors.webhooks import Sender, signed_headers
from experiments.jobs import JOBS, WorkerContext
from experiments.model.tables.messages import Alert
from experiments.services.delivering.pushes import Backoff, Pusher, claim_delivery
from experiments.store.core.engine import reading, transaction

from .conftest import SECRET


def test_a_receiver_can_verify_it(outbound):
    outbound.decide("ana", "ben")
    outbound.destination()
    outbound.push()
    (seen,) = outbound.receiver.seen
    verified = Webhook(SECRET).verify(seen.body, seen.headers)
    assert verified["type"] == "winback.assignments"
    rows = verified["data"]["assignments"]
    assert [(row["unit_id"], row["arm"], row["payload"]) for row in rows] == [
        ("ana", "gift", {"t": "ü"}),
        ("ben", "gift", {"t": "ü"}),
    ]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(seen.body + b" ", seen.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_AAAA").verify(seen.body, seen.headers)


def test_a_signature_outlives_neither_its_tolerance_nor_its_message():
    body, now = b'{"a": 1}', int(time.time())
    for offset, holds in ((0, True), (-299, True), (-400, False), (400, False)):
        headers = signed_headers([SECRET], "msg_1", now + offset, body)
        if holds:
            assert Webhook(SECRET).verify(body, headers) == {"a": 1}
            continue
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, headers)
    replayed = {**signed_headers([SECRET], "msg_1", now, body), "webhook-id": "msg_2"}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, replayed)


def test_while_a_secret_is_replaced_both_verify(outbound, monkeypatch):
    new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    monkeypatch.setenv("WINBACK_SECRET_SIGNING", f"{new} {SECRET}")
    outbound.decide("ana")
    outbound.destination()
    outbound.push()
    (seen,) = outbound.receiver.seen
    for secret in (SECRET, new):
        Webhook(secret).verify(seen.body, seen.headers)


def test_batches_have_the_wanted_size(outbound):
    decided = outbound.decide(*[f"u{n}" for n in range(7)])
    outbound.destination(batch_size=3)
    shown = outbound.push()
    assert [len(seen.document["data"]["assignments"]) for seen in outbound.receiver.seen] == [3, 3, 1]
    assert len({seen.headers["webhook-id"] for seen in outbound.receiver.seen}) == 3
    assert (shown["sent"], shown["batches"], shown["skipped"]) == (7, 3, 0)
    assert all(len(outbound.outcomes(decision)) == 1 for decision in decided.values())


def test_what_was_pushed_is_not_pushed_again(outbound):
    outbound.decide("ana")
    outbound.destination()
    outbound.push()
    outbound.decide("ben")
    second = outbound.push()
    assert (second["sent"], second["skipped"]) == (1, 1)
    again = outbound.push(again=True)
    assert (again["sent"], again["skipped"]) == (2, 0)
    sent = [[row["unit_id"] for row in seen.document["data"]["assignments"]] for seen in outbound.receiver.seen]
    assert sent == [["ana"], ["ben"], ["ana", "ben"]]
    since = outbound.push(source={"since": second["next_cursor"]})
    assert since["sent"] == 0


def test_void_forgotten_and_empty_decisions_stay_here(outbound):
    decided = outbound.decide("ana", "ben", "cleo", "dora")
    outbound.client.post(f"/v1/decisions/{decided['ana']}/void", json={"reason": "suppressed"})
    outbound.client.delete("/v1/units/ben")
    with transaction(outbound.engine) as session:
        session.connection().execute(text("UPDATE decisions SET arm = 'nothing' WHERE unit_id = 'cleo'"))
    outbound.destination()
    shown = outbound.push()
    assert (shown["sent"], shown["skipped"], shown["withheld"]) == (1, 2, 1)
    assert outbound.push(include_nothing=True)["sent"] == 1
    units = [row["unit_id"] for seen in outbound.receiver.seen for row in seen.document["data"]["assignments"]]
    assert units == ["dora", "cleo"]


def test_what_has_matured_is_too_late(outbound):
    outbound.decide("ana")
    with transaction(outbound.engine) as session:
        session.connection().execute(text("UPDATE decisions SET matures_at = decided_at"))
    outbound.destination()
    assert outbound.push()["sent"] == 0
    assert outbound.receiver.seen == []


def test_a_receiver_that_is_away_is_tried_again_with_the_same_id(outbound):
    outbound.decide("ana")
    outbound.destination()
    outbound.receiver.answer((503, {}), (429, {}), (200, {}))
    number = outbound.request()["id"]
    for attempt in (1, 2):
        outbound.run()
        shown = outbound.shown(number)
        assert (shown["status"], shown["attempts"], shown["sent"]) == ("waiting", attempt, 0)
        assert shown["error"].startswith(("503", "429"))
    outbound.run()
    assert (outbound.shown(number)["status"], outbound.shown(number)["sent"]) == ("done", 1)
    assert len({seen.headers["webhook-id"] for seen in outbound.receiver.seen}) == 1


def test_it_waits_as_long_as_the_receiver_asks(outbound):
    outbound.decide("ana")
    outbound.destination()
    outbound.receiver.answer((503, {}, {"Retry-After": "120"}))
    number = outbound.request()["id"]
    outbound.run()
    assert outbound.shown(number)["next_attempt_at"] is not None
    assert claim_delivery(outbound.engine) is None, "not due yet"


def test_waits_grow_with_jitter_up_to_a_bound():
    random.seed(5)
    backoff = Backoff(base=1.0, longest=20.0)
    for failed in range(1, 9):
        waits = [backoff.wait(failed, None) for _ in range(200)]
        assert min(waits) >= 0 and max(waits) <= min(20.0, 2.0**failed)
        assert len(set(waits)) > 150
    assert backoff.wait(1, 90.0) == 90.0


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (410, 1), (401, 1), (302, 1)])
def test_after_its_attempts_it_is_dead_and_somebody_is_told_once(outbound, status, attempts):
    outbound.decide("ana")
    outbound.destination()
    outbound.receiver.answer((status, {"error": "no"}))
    for _ in range(2):
        number = outbound.request()["id"]
        for _ in range(attempts):
            outbound.run()
        shown = outbound.shown(number)
        assert (shown["status"], shown["attempts"], shown["sent"]) == ("dead", attempts, 0)
    assert len(outbound.receiver.seen) == 2 * attempts
    with reading(outbound.engine) as session:
        (alert,) = session.exec(select(Alert)).all()
    assert (alert.name, alert.severity, alert.resolved_at) == ("delivery_dead:crm", "critical", None)
    assert f"/v1/deliveries/{alert.detail['delivery']}/retry" in alert.detail["remedy"]
    outbound.receiver.answer((200, {}))
    assert outbound.client.post(f"/v1/deliveries/{number}/retry").json()["status"] == "queued"
    outbound.run()
    assert (outbound.shown(number)["status"], outbound.shown(number)["sent"]) == ("done", 1)
    with reading(outbound.engine) as session:
        assert session.exec(select(Alert)).one().resolved_at is not None


def test_rows_that_the_receiver_refuses_are_told_and_not_recorded(outbound):
    decided = outbound.decide("ana", "ben")
    outbound.destination()
    outbound.receiver.answer((200, {"refused": [{"decision_id": decided["ana"], "reason": "no consent"}]}))
    shown = outbound.push()
    assert (shown["sent"], shown["refused"], shown["refusals"]) == (1, 1, {decided["ana"]: "no consent"})
    assert outbound.outcomes(decided["ana"]) == []
    assert len(outbound.outcomes(decided["ben"])) == 1


class DiedError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("place", ["_send", "_record", "_advance"])
@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_any_instant_loses_and_doubles_nothing(outbound, monkeypatch, place, after):
    decided = outbound.decide(*[f"u{n}" for n in range(5)])
    outbound.destination(batch_size=2)
    number = outbound.request()["id"]
    original, calls = getattr(Pusher, place), []

    def dying(self, *given):
        calls.append(1)
        result = original(self, *given) if after or len(calls) != 2 else None
        if len(calls) == 2:
            raise DiedError
        return result

    monkeypatch.setattr(Pusher, place, dying)
    with pytest.raises(DiedError):
        outbound.run()
    monkeypatch.setattr(Pusher, place, original)
    assert claim_delivery(outbound.engine) is None, "it may still be alive"
    with transaction(outbound.engine) as session:
        session.connection().execute(text("UPDATE deliveries SET heartbeat_at = 0"))
    outbound.run()
    shown = outbound.shown(number)
    assert (shown["status"], shown["sent"] + shown["skipped"]) == ("done", 5)
    assert [len(outbound.outcomes(decision)) for decision in decided.values()] == [1] * 5
    ids = {}
    for seen in outbound.receiver.seen:
        ids.setdefault(seen.headers["webhook-id"], set()).add(
            tuple(row["decision_id"] for row in seen.document["data"]["assignments"])
        )
    assert all(len(contents) == 1 for contents in ids.values()), "the same id, the same decisions"


def test_it_can_be_cancelled_and_stopped(outbound):
    outbound.decide(*[f"u{n}" for n in range(4)])
    outbound.destination(batch_size=1)
    number = outbound.request()["id"]
    outbound.run(stopped=lambda: True)
    assert (outbound.shown(number)["status"], outbound.shown(number)["sent"]) == ("queued", 1)
    assert outbound.client.post(f"/v1/deliveries/{number}/cancel").json()["status"] == "cancelled"
    assert outbound.run() is None
    assert outbound.client.post(f"/v1/deliveries/{number}/cancel").status_code == 409
    outbound.client.post(f"/v1/deliveries/{number}/retry")
    outbound.run()
    assert outbound.shown(number)["sent"] == 4
    assert outbound.client.post(f"/v1/deliveries/{number}/retry").status_code == 409


def test_a_secret_that_is_not_set_is_said(outbound, monkeypatch):
    outbound.decide("ana")
    outbound.destination()
    assert outbound.client.get("/v1/destinations/crm").json()["secrets_present"] is True
    monkeypatch.delenv("WINBACK_SECRET_SIGNING")
    assert outbound.client.get("/v1/destinations/crm").json()["secrets_present"] is False
    shown = outbound.push()
    assert (shown["status"], "WINBACK_SECRET_SIGNING" in shown["error"]) == ("dead", True)


def test_a_private_address_is_refused_when_it_is_called(outbound, engine, settings):
    outbound.decide("ana")
    outbound.destination()
    careful = Sender(allow_private=False)
    number = outbound.request()["id"]
    claim_delivery(engine)
    Pusher(engine, careful, settings.history_path).run(number)
    careful.close()
    assert (outbound.shown(number)["status"], outbound.receiver.seen) == ("dead", [])


def test_exposure_can_be_told_from_assignment(outbound):
    decided = outbound.decide("ana", "ben", "cleo")
    outbound.destination()
    outbound.push()
    outbound.decide("dora")
    outcome = {"event_id": "x", "kind": "delivered", "occurred_at": "2026-01-01T00:00:00Z"}
    outbound.client.post("/v1/outcomes", json={**outcome, "decision_id": decided["ana"]})
    arms = outbound.client.get("/v1/experiments/e/exposures").json()["arms"]
    assert arms == {"gift": {"assigned": 4, "voided": 0, "pushed": 3, "confirmed": 1}}


def test_the_worker_delivers_beside_its_jobs(outbound, settings):
    outbound.decide("ana")
    outbound.destination()
    number = outbound.request()["id"]
    worker = WorkerContext(settings)
    assert JOBS["deliver"].run(worker) == 1
    deadline = time.monotonic() + 20
    while worker.push_thread.busy and time.monotonic() < deadline:
        time.sleep(0.01)
    assert JOBS["deliver"].run(worker) == 0
    worker.close()
    assert outbound.shown(number)["status"] == "done"
    assert json.loads(outbound.receiver.seen[0].body)["data"]["delivery"] == number
