"""Segment's HTTP tracking calls: the payloads of its own documentation, and what becomes of them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from experiments.model.access.principal import SYSTEM
from experiments.model.designing.kinds import OUTCOME_KINDS
from experiments.model.tables.core import Outcome
from experiments.model.times import to_datetime
from experiments.model.tracking import DEFAULT, as_setting, as_table, own_kind, table_faults
from experiments.services.access.granting_keys import create_key
from experiments.store.core.engine import reading

IDENTIFY = {
    "userId": "019mr8mf4r",
    "traits": {"email": "pgibbons@example.com", "name": "Peter Gibbons", "industry": "Technology"},
    "context": {"ip": "24.5.68.47"},
    "timestamp": "2012-12-02T00:30:08.276Z",
}
TRACK = {
    "userId": "019mr8mf4r",
    "event": "Item Purchased",
    "properties": {"name": "Leap to Conclusions Mat", "revenue": 14.99},
    "context": {"ip": "24.5.68.47"},
    "timestamp": "2012-12-02T00:30:12.984Z",
}
PAGE = {"userId": "019mr8mf4r", "name": "Tracking HTTP API", "timestamp": "2012-12-02T00:31:29.738Z"}
GROUP = {
    "userId": "019mr8mf4r",
    "groupId": "8e9df332ac",
    "traits": {"name": "Initech", "industry": "Technology", "employees": 420},
    "timestamp": "2012-12-02T00:31:38.208Z",
}
ALIAS = {"previousId": "39239-239239-239239-23923", "userId": "019mr8mf4r", "timestamp": "2012-12-02T00:31:29.738Z"}
BATCH = {
    "batch": [
        {
            "type": "identify",
            "userId": "019mr8mf4r",
            "traits": {"email": "jake@example.com", "name": "Jake Peterson", "age": 26},
            "timestamp": "2012-12-02T00:30:08.276Z",
        },
        {
            "type": "track",
            "userId": "019mr8mf4r",
            "event": "Song Played",
            "properties": {"name": "Fallin for You", "artist": "Dierks Bentley"},
            "timestamp": "2012-12-02T00:30:12.984Z",
        },
        {
            "type": "identify",
            "userId": "971mj8mk7p",
            "traits": {"email": "cindy@example.com", "name": "Cindy Gonzalez", "age": 23},
            "timestamp": "2015-2-02T00:30:08.276Z",
        },
        {
            "type": "track",
            "userId": "971mj8mk7p",
            "event": "Song Played",
            "properties": {"name": "Get Right", "artist": "Jennifer Lopez"},
            "timestamp": "2015-2-02T00:30:12.984Z",
        },
    ],
    "context": {"device": {"type": "phone", "name": "Apple iPhone 6"}},
}
"""The documented fields and values, the months without their zero among them."""

ORDER = {
    "anonymousId": "507f191e810c19729de860ea",
    "userId": "ana",
    "event": "Order Completed",
    "messageId": "022bb90c-bbac-11e4-8dfc-aa07a5b093db",
    "properties": {
        "order_id": "50314b8e",
        "total": 27.5,
        "revenue": 25.0,
        "currency": "USD",
        "products": [{"sku": "g"}],
    },
}


def _outcomes(engine, source="segment"):
    with reading(engine) as session:
        return session.exec(select(Outcome).where(Outcome.source == source).order_by(Outcome.event_id)).all()


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("identify", IDENTIFY),
        ("track", TRACK),
        ("page", PAGE),
        ("screen", PAGE),
        ("group", GROUP),
        ("alias", ALIAS),
        ("batch", BATCH),
    ],
)
def test_the_documented_payloads_are_accepted(service, call, body):
    for place, stranger in _as_clients_send_it(service, body):
        answer = stranger.post(f"/v1/{call}", **place)
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text


def _as_clients_send_it(service, body):
    """Write key in the body, as Basic user name, as Bearer, and as OAuth clients do: Bearer and a key in the body."""
    nobody = service.client.holding(None)
    basic = base64.b64encode(f"{service.key}:".encode()).decode()
    yield {"json": {**body, "writeKey": service.key}}, nobody
    yield {"json": body, "headers": {"Authorization": f"Basic {basic}"}}, nobody
    yield {"json": body}, service.client
    yield {"json": {**body, "writeKey": "something else"}}, service.client


@pytest.mark.parametrize("call", ["identify", "track", "page", "screen", "group", "alias", "batch"])
def test_strangers_and_the_unentitled_are_refused(service, call):
    nobody = service.client.holding(None)
    body = BATCH if call == "batch" else TRACK
    for wrong in ({"json": body}, {"json": {**body, "writeKey": "wb_x"}}, {"json": {**body, "writeKey": 5}}):
        assert nobody.post(f"/v1/{call}", **wrong).status_code == 401
    for header in ("Basic !!", "Basic " + base64.b64encode(b"\xff:").decode(), "Basic", "Bearer "):
        assert nobody.post(f"/v1/{call}", json=body, headers={"Authorization": header}).status_code == 401
    reader = create_key(service.engine, SYSTEM, "reader", ["read"]).key
    assert nobody.post(f"/v1/{call}", json={**body, "writeKey": reader}).status_code == 403
    assert _outcomes(service.engine) == []


def test_traits_are_merged(client):
    client.put("/v1/units/ana", json={"profile": {"orders": 3, "country": "DE", "plan": "x"}})
    long, deep = "x" * 2000, {"city": "Graz", "geo": {"lat": 1}}
    traits = {"country": "AT", "plan": None, "tags": ["a"], "bio": long, "address": deep, "vip": True}
    client.post("/v1/identify", json={"userId": "ana", "traits": traits})
    client.post("/v1/batch", json={"batch": [{"type": "identify", "userId": "ana", "traits": {"orders": 4}}]})
    shown = client.get("/v1/units/ana").json()["profile"]
    assert shown == {"orders": 4, "country": "AT", "address.city": "Graz", "vip": True}


def test_an_order_is_a_conversion_and_its_revenue_once(client, engine):
    for _ in range(3):
        assert client.post("/v1/track", json=ORDER).status_code == 200
    kept = [(row.event_id, row.kind, row.value, row.unit_id) for row in _outcomes(engine)]
    first = ORDER["messageId"]
    assert kept == [(first, "conversion", None, "ana"), (f"{first}/revenue", "revenue", 25.0, "ana")]


def test_tracked_outcomes_reach_the_decision(client, engine):
    definition = {
        "key": "e",
        "arms": [{"key": "a"}],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
    }
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/e/start")
    decided = client.post("/v1/experiments/e/assignments", json={"unit_id": "ana"}).json()
    client.post("/v1/track", json=ORDER)
    client.post("/v1/page", json={"userId": "ana", "name": "Home", "messageId": "p1"})
    named = {"decision_id": decided["decision_id"], "campaign_name": "spring"}
    client.post("/v1/track", json={"anonymousId": "x", "event": "Email Opened", "properties": named, "messageId": "o1"})
    shown = client.get(f"/v1/decisions/{decided['decision_id']}").json()["outcomes"]
    assert sorted(each["kind"] for each in shown) == ["conversion", "revenue", "session", "view"]
    assert {row.outcome_class for row in _outcomes(engine)} == {"accepted"}


def test_an_unknown_event_is_kept_as_a_kind_of_its_own(client, engine):
    client.post("/v1/track", json=TRACK)
    client.post("/v1/track", json={**TRACK, "event": "Revenue!", "messageId": "~"})
    assert [row.kind for row in _outcomes(engine)] == ["item_purchased", "track_revenue"]


@given(st.text(max_size=100))
def test_a_kind_of_its_own_is_always_a_kind_and_never_ours(event):
    kind = own_kind(event)
    assert kind not in OUTCOME_KINDS
    assert not table_faults({"events": {}, "page": [{"kind": kind}], "screen": []})


def test_the_table_can_be_changed(client, engine):
    table = client.get("/v1/settings/tracking").json()
    assert as_table(table) == DEFAULT
    table["events"]["Item Purchased"] = [{"kind": "participation"}, {"kind": "spend", "value": ["revenue"]}]
    table["page"], table["unmapped"] = [], "drop"
    changed = client.put("/v1/settings/tracking", json=table)
    assert changed.status_code == 200, changed.text
    client.post("/v1/track", json={**TRACK, "messageId": "m"})
    client.post("/v1/track", json={**TRACK, "event": "Song Played"})
    client.post("/v1/page", json=PAGE)
    assert [(row.kind, row.value) for row in _outcomes(engine)] == [("participation", None), ("spend", 14.99)]
    assert client.get("/v1/audit").json()["items"][0]["action"] == "settings.tracking"


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ([{"kind": "No Kind"}], "/events/X/0/kind"),
        ([{"kind": "a"}, {"kind": "a"}], "/events/X"),
        ([{"kind": f"k{n}"} for n in range(11)], "/events/X"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(client, rules, pointer):
    refused = client.put("/v1/settings/tracking", json={"events": {"X": rules}})
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json()["errors"]} == {pointer}


def test_the_default_table_survives_its_setting():
    assert as_table(as_setting(DEFAULT)) == DEFAULT
    assert not table_faults(as_setting(DEFAULT))


def test_what_happened_before_it_was_sent_is_stored_so(client, engine):
    sent = datetime(2001, 1, 1, tzinfo=UTC)  # a device whose battery was out
    body = {"sentAt": sent.isoformat(), "batch": [{**ORDER, "type": "track", "timestamp": "2000-12-31T23:00:00Z"}]}
    client.post("/v1/batch", json=body)
    for row in _outcomes(engine):
        assert abs(datetime.now(UTC) - timedelta(hours=1) - to_datetime(row.occurred_at)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("call", "body", "reason"),
    [
        ("track", {"event": "e"}, "userId"),
        ("track", {"userId": "u"}, "event"),
        ("track", {"userId": "u", "event": 5}, "event"),
        ("identify", {"userId": ""}, "userId"),
        ("identify", {"userId": "x" * 600}, "userId"),
        ("track", {"userId": "u", "event": "e", "properties": {"x": "y" * 33_000}}, "32,768"),
        ("batch", {"batch": [{"x": "y" * 1000}] * 520}, "512,000"),
        ("batch", {"batch": 5}, "list"),
        ("batch", {}, "list"),
    ],
)
def test_what_makes_no_sense_is_a_400(sqlite_service, call, body, reason):
    refused = sqlite_service.client.post(f"/v1/{call}", json=body)
    assert refused.status_code == 400
    assert reason in refused.json()["detail"]


def test_in_a_batch_a_bad_call_is_left_out_alone(client, engine):
    bad = [None, 5, {"type": "track", "userId": "u"}, {"type": "dance", "userId": "u"}, {"type": "track", "event": "e"}]
    big = {"type": "track", "userId": "u", "event": "e", "properties": {"x": "y" * 33_000}}
    good = {"type": "track", "userId": 77, "event": "Signed In", "messageId": "good"}
    assert client.post("/v1/batch", json={"batch": [*bad, big, good]}).json() == {"success": True}
    assert [(row.event_id, row.unit_id) for row in _outcomes(engine)] == [("good", "77")]


def test_properties_beyond_the_limit_do_not_cost_the_event(client, engine):
    client.post("/v1/track", json={**ORDER, "properties": {"revenue": "12.5", "note": "x" * 20_000}})
    assert [(row.kind, row.value) for row in _outcomes(engine)] == [("conversion", None), ("revenue", 12.5)]
    assert all(len(row.properties) < 200 for row in _outcomes(engine))
