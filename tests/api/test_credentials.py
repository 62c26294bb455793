"""Keys, people and the audit log over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from experiments.errors import UnauthenticatedError
from experiments.services.access.limiting_guesses import Origin
from experiments.services.access.passwords import verify_password
from experiments.store.core.engine import reading, transaction


def _new_key(client, scopes, **more):
    answer = client.post("/v1/keys", json={"name": "campaigns", "scopes": scopes, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_key_does_what_its_scopes_allow(client):
    reader = client.holding(_new_key(client, ["read"])["key"])
    assert reader.get("/v1/experiments").status_code == 200
    refused = reader.post("/v1/keys", json={"name": "more", "scopes": ["admin"]})
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]


def test_only_the_hash_of_a_key_is_kept(client, engine):
    made = _new_key(client, ["read"])
    assert made["key"].startswith(made["prefix"])
    with reading(engine) as session:
        rows = session.connection().execute(text("SELECT * FROM api_keys")).fetchall()
        entries = session.connection().execute(text("SELECT * FROM audit_entries")).fetchall()
    secret = made["key"].removeprefix(made["prefix"])
    assert secret not in f"{rows}{entries}{client.get('/v1/keys').text}{client.get('/v1/audit').text}"


def test_a_revoked_key_stops_working_at_once(client):
    made = _new_key(client, ["read"])
    holder = client.holding(made["key"])
    assert holder.get("/v1/experiments").status_code == 200
    assert client.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert holder.get("/v1/experiments").status_code == 401
    assert client.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert client.delete("/v1/keys/999999").status_code == 404
    assert [key["revoked_at"] is None for key in client.get("/v1/keys").json()["items"]] == [False, True]


def test_a_key_expires(client, engine):
    soon = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    made = _new_key(client, ["read"], expires_at=soon)
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE api_keys SET expires_at = 5 WHERE id = :id"), {"id": made["id"]})
    assert client.holding(made["key"]).get("/v1/experiments").status_code == 401
    past = client.post("/v1/keys", json={"name": "n", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"})
    assert past.json()["errors"][0]["pointer"] == "/expires_at"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wb_", "Basic dXNlcjpwYXNz", "Bearer wb_00000000_" + "a" * 43, "Bearer " + "x" * 10_000],
)
def test_what_is_no_key_is_refused(client, header):
    answer = client.holding(None).get("/v1/experiments", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "root"]])
def test_unknown_scopes_are_refused(client, scopes):
    assert client.post("/v1/keys", json={"name": "n", "scopes": scopes}).status_code == 422


def test_people_have_roles(client, engine):
    made = client.post("/v1/users", json={"email": "Ana@Example.org", "password": "correct horse", "role": "analyst"})
    assert made.status_code == 201

    def principal(email, password):
        return verify_password(engine, email, password, Origin("192.0.2.1")).principal

    ana = principal("ana@example.org", "correct horse")
    assert (ana.name, ana.scopes) == ("user:ana@example.org", {"read", "analyse"})
    user = made.json()["id"]
    assert client.patch(f"/v1/users/{user}", json={"role": "admin", "password": "battery staple"}).status_code == 204
    assert "admin" in principal("ANA@example.org", "battery staple").scopes
    assert client.patch(f"/v1/users/{user}?force=true", json={"disabled": True}).status_code == 204
    with pytest.raises(UnauthenticatedError):
        principal("ana@example.org", "battery staple")
    listed = client.get("/v1/users").json()["items"]
    assert listed[0]["disabled_at"]
    assert "hash" not in str(listed)


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"email": "nobody", "password": "correct horse", "role": "admin"}, "/email"),
        ({"email": "a@b.c", "password": "short", "role": "admin"}, "/password"),
        ({"email": "a@b.c", "password": "correct horse", "role": "boss"}, "/role"),
    ],
)
def test_bad_accounts_are_refused(client, wish, pointer):
    answer = client.post("/v1/users", json=wish)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_an_address_has_one_account(client):
    wish = {"email": "a@b.c", "password": "correct horse", "role": "viewer"}
    assert client.post("/v1/users", json=wish).status_code == 201
    assert client.post("/v1/users", json=wish).status_code == 409


def test_every_change_is_in_the_audit_log(client, campaign):
    client.post("/v1/experiments", json=campaign)
    client.post("/v1/experiments/spring-winback/start")
    client.patch("/v1/experiments/spring-winback", json={"name": "S"})
    client.patch("/v1/experiments/spring-winback/arms/bogo-5", json={"enabled": False, "reason": "sold out"})
    client.put("/v1/settings/global-holdout", json={"share": 0.1})
    key = _new_key(client, ["read"])
    client.delete(f"/v1/keys/{key['id']}")
    log = client.get("/v1/audit").json()["items"]
    assert [entry["action"] for entry in reversed(log)] == [
        "key.create",
        "experiment.create",
        "experiment.start",
        "experiment.change",
        "arm.adjust",
        "settings.global-holdout",
        "key.create",
        "key.revoke",
    ]
    assert log[0]["actor"] == "key:tests"
    assert next(e for e in log if e["action"] == "arm.adjust")["detail"]["reason"] == "sold out"
    assert len(client.get("/v1/audit?target=spring-winback").json()["items"]) == 3
    assert client.get("/v1/audit/verification").json()["broken_at"] is None


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entries SET actor = 'somebody else' WHERE action = 'experiment.create'",
        "UPDATE audit_entries SET detail = '{}' WHERE action = 'experiment.create'",
        "DELETE FROM audit_entries WHERE action = 'experiment.create'",
    ],
)
def test_a_changed_past_shows(client, campaign, engine, tampering):
    client.post("/v1/experiments", json=campaign)
    client.post("/v1/experiments/spring-winback/start")
    assert client.get("/v1/audit/verification").json()["broken_at"] is None
    with transaction(engine) as session:
        session.connection().execute(text(tampering))
    found = client.get("/v1/audit/verification").json()
    assert found["broken_at"] is not None
    assert found["entries"] == 1


def test_a_refused_change_leaves_no_entry(client, campaign):
    campaign["currency"] = "euro"
    client.post("/v1/experiments", json=campaign)
    client.post("/v1/experiments/nowhere/start")
    assert len(client.get("/v1/audit").json()["items"]) == 1


def test_the_last_administrators_key_does_not_revoke_itself_unasked(client):
    own = client.get("/v1/keys").json()["items"][0]["id"]
    refused = client.delete(f"/v1/keys/{own}")
    assert refused.status_code == 409 and "force=true" in refused.json()["detail"]
    assert client.get("/v1/keys").status_code == 200
    assert client.delete(f"/v1/keys/{own}?force=true").status_code == 204
    assert client.get("/v1/keys").status_code == 401
