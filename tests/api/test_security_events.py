"""Signs of trouble are counted, kept in bounds, and shown to administrators with a next step."""

import json

import httpx
from sqlalchemy import text

from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.services.access.watching import KINDS, MOST, NEXT, Watch, note_now, security_events, totals
from experiments.store.core.engine import reading, transaction


def _events(client, kind):
    return [each for each in client.get("/v1/security-events").json()["items"] if each["kind"] == kind]


def _made(engine, scopes, **more):
    return create_key(engine, SYSTEM, "crm", scopes, **more)


def test_a_refused_scope_is_told_of_hot_and_cold(client, engine):
    reader = client.holding(_made(engine, ["read"]).key)
    for _ in range(3):
        assert reader.post("/v1/outcomes", json={}).status_code == 403
    assert reader.get("/v1/keys").status_code == 403
    (event,) = _events(client, "refused_scope")
    assert (event["subject"], event["count"], event["address"]) == ("key:crm", 4, "127.0.0.1")
    assert event["next_step"] and event["first_at"] <= event["last_at"]
    assert client.holding(None).get("/v1/security-events").status_code == 401
    assert reader.get("/v1/security-events").status_code == 403


def test_a_revoked_key_is_named_by_its_prefix_and_other_words_are_not_kept(client, engine):
    made = _made(engine, ["read"])
    client.delete(f"/v1/keys/{made.id}")
    assert client.holding(made.key).get("/v1/experiments").status_code == 401
    assert client.holding("secret words").get("/v1/experiments").status_code == 401
    assert {each["subject"] for each in _events(client, "unknown_key")} == {made.prefix, ""}
    with reading(engine) as session:
        kept = json.dumps(session.connection().execute(text("SELECT * FROM security_events")).all(), default=str)
    assert made.key not in kept and "secret words" not in kept


def test_a_rate_limit_is_told_of(client):
    answer = client.post(
        "/v1/keys", json={"name": "fast", "scopes": ["read"], "rate_limit": {"requests": 1, "per": "minute"}}
    )
    fast = client.holding(answer.json()["key"])
    statuses = [fast.get("/v1/experiments").status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
    assert [(each["subject"], each["count"]) for each in _events(client, "rate_limited")] == [("key:fast", 2)]


def test_a_key_from_a_new_address_is_told_of_once(client, engine):
    key = _made(engine, ["read"]).key

    def ask(address):
        async def call():
            transport = httpx.ASGITransport(client.app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://winback") as http:
                return await http.get("/v1/experiments", headers={"Authorization": f"Bearer {key}"})

        assert client.portal.call(call).status_code == 200

    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"):
        ask(address)
    client.get("/v1/keys")
    for address in ("10.0.0.2", "10.0.0.1"):
        ask(address)
    assert [(each["address"], each["count"]) for each in _events(client, "new_address")] == [("10.0.0.2", 1)]


def test_a_broken_audit_trail_is_told_of(client, engine):
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE audit_entries SET actor = 'x'"))
    assert client.get("/v1/audit/verification").json()["problems"]
    assert len(_events(client, "audit_broken")) == 1


def test_a_flood_stays_small(engine):
    watch = Watch(engine)
    for number in range(3000):
        watch.note("unknown_key", f"wb_{number:08x}", f"10.0.{number // 256}.{number % 256}")
    watch.store()
    for number in range(300):
        note_now(engine, "unknown_key", f"wb_{number:08x}", "10.1.1.1")
    found = security_events(engine, SYSTEM, 1000)
    # An hour may end in between.
    assert len(found) <= 2 * (MOST + 1)
    assert sum(each["count"] for each in found) == 3300 == totals(engine)["unknown_key"]
    assert any(each["subject"] == "others" for each in found)


def test_old_ones_are_forgotten_and_still_counted(engine):
    note_now(engine, "locked_out", "user:a@b.c", "10.0.0.1")
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE security_events SET hour = 5 WHERE hour > 0"))
    note_now(engine, "locked_out", "user:a@b.c", "10.0.0.1")
    assert [each["count"] for each in security_events(engine, SYSTEM)] == [1]
    assert totals(engine) == {"locked_out": 2}


def test_all_processes_are_counted_for_prometheus(client, engine):
    note_now(engine, "sign_in_failed", "", "10.0.0.1")  # as the dashboard does
    client.holding(None).get("/v1/keys")
    client.get("/v1/security-events")
    shown = client.get("/metrics").text
    assert 'winback_security_events_total{kind="sign_in_failed"} 1' in shown
    assert 'winback_security_events_total{kind="unknown_key"} 1' in shown
    assert all(f'kind="{kind}"' in shown for kind in KINDS)


def test_every_kind_has_a_next_step():
    assert set(NEXT) == set(KINDS)
