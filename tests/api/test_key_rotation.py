"""A key gets a new secret while the old one goes on; a key calls no more often than it may."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from experiments.store.core.engine import transaction


def _new(client, scopes=("read",), **more):
    answer = client.post("/v1/keys", json={"name": "crm", "scopes": list(scopes), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def _document(client, number):
    return next(each for each in client.get("/v1/keys").json()["items"] if each["id"] == number)


def test_both_secrets_work_until_the_old_one_ends(client, engine):
    old = _new(client, ["read", "assign"], rate_limit={"requests": 600, "per": "minute", "burst": 50})
    before = datetime.now(UTC)
    answer = client.post(f"/v1/keys/{old['id']}/rotate", json={"overlap": "PT2H"})
    assert answer.status_code == 201
    new = answer.json()
    ends = datetime.fromisoformat(new["replaced_until"])
    assert timedelta(hours=2) <= ends - before < timedelta(hours=2, minutes=1)
    for key in (old["key"], new["key"]):
        assert client.holding(key).get("/v1/experiments").status_code == 200
    first, second = _document(client, old["id"]), _document(client, new["id"])
    assert (first["replaced_by"], first["expires_at"]) == (new["id"], new["replaced_until"])
    assert [second[name] for name in ("name", "scopes", "rate_limit")] == [
        first[name] for name in ("name", "scopes", "rate_limit")
    ]
    assert (second["expires_at"], second["replaced_by"]) == (None, None)
    told = [(entry["action"], entry["target"]) for entry in client.get("/v1/audit").json()["items"][:2]]
    assert told == [("key.rotate", old["prefix"]), ("key.create", new["prefix"])]
    assert client.get("/v1/audit/verification").json()["broken_at"] is None
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE api_keys SET expires_at = 5 WHERE id = :id"), {"id": old["id"]})
    client.post(f"/v1/keys/{_new(client)['id']}/rotate")  # this process asks the database about every key again
    assert client.holding(old["key"]).get("/v1/experiments").status_code == 401
    assert client.holding(new["key"]).get("/v1/experiments").status_code == 200


def test_without_an_overlap_the_old_secret_ends_at_once(client):
    old = _new(client)
    assert client.holding(old["key"]).get("/v1/experiments").status_code == 200
    new = client.post(f"/v1/keys/{old['id']}/rotate", json={"overlap": "PT0S"}).json()
    assert client.holding(old["key"]).get("/v1/experiments").status_code == 401
    assert client.holding(new["key"]).get("/v1/experiments").status_code == 200


def test_a_key_that_would_expire_is_replaced_by_one_of_as_long_a_life(client):
    ends = datetime.now(UTC) + timedelta(hours=5)
    old = _new(client, expires_at=ends.isoformat())
    new = client.post(f"/v1/keys/{old['id']}/rotate").json()
    assert datetime.fromisoformat(new["replaced_until"]) == ends, "no later than it would have been"
    assert datetime.fromisoformat(_document(client, new["id"])["expires_at"]) > ends


def test_what_is_over_is_not_rotated(client):
    old, revoked = _new(client), _new(client)
    client.delete(f"/v1/keys/{revoked['id']}")
    new = client.post(f"/v1/keys/{old['id']}/rotate").json()
    again = client.post(f"/v1/keys/{old['id']}/rotate")
    assert again.status_code == 409 and f"number {new['id']}" in again.json()["detail"]
    assert client.post(f"/v1/keys/{revoked['id']}/rotate").status_code == 409
    assert client.post("/v1/keys/999999/rotate").status_code == 404
    for overlap in ("P91D", "a day", "-PT1H", 5):
        assert client.post(f"/v1/keys/{new['id']}/rotate", json={"overlap": overlap}).status_code == 422


def test_rotated_twice_at_once_there_is_one_new_secret(client):
    old = _new(client)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"/v1/keys/{old['id']}/rotate").status_code, range(4)))
    assert sorted(answers) == [201, 409, 409, 409]


def test_the_last_use_is_seen(client):
    made = _new(client)
    assert _document(client, made["id"])["last_used_at"] is None
    before = datetime.now(UTC)
    assert client.holding(made["key"]).get("/v1/experiments").status_code == 200
    used = datetime.fromisoformat(_document(client, made["id"])["last_used_at"])
    assert before - timedelta(seconds=1) <= used <= datetime.now(UTC) + timedelta(seconds=1)


def test_a_key_calls_as_often_as_its_limit_says_and_others_go_on(client):
    held = client.holding(_new(client, rate_limit={"requests": 1, "per": "minute", "burst": 3})["key"])
    answers = [held.get("/v1/experiments") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = answers[-1]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:winback:problem:too-many-requests"
    assert client.get("/v1/experiments").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/outcomes", [{"event_id": str(n), "unit_id": "u", "kind": "session"} for n in range(100)]),
        ("/v1/experiments/e/assignments/batch", {"assignments": [{"unit_id": str(n)} for n in range(100)]}),
        (
            "/v1/batch",
            {"batch": [{"type": "track", "userId": "u", "event": "x", "messageId": str(n)} for n in range(100)]},
        ),
    ],
)
def test_every_row_counts(client, path, body):
    limit = {"requests": 10, "per": "minute", "burst": 10}
    held = client.holding(_new(client, ["assign", "outcomes"], rate_limit=limit)["key"])
    assert held.post(path, json=body).status_code != 429
    refused = held.post(path, json=body)
    assert refused.status_code == 429
    assert 500 < int(refused.headers["retry-after"]) <= 546, "91 rows on credit, at ten a minute"


def test_a_limit_that_makes_no_sense_is_refused(client):
    for limit in ({"requests": 0, "per": "second"}, {"requests": 1, "per": "hour"}, {"requests": 1}):
        answer = client.post("/v1/keys", json={"name": "n", "scopes": ["read"], "rate_limit": limit})
        assert answer.status_code == 422
    assert (
        _document(client, _new(client, rate_limit={"requests": 7, "per": "second"})["id"])["rate_limit"]["burst"] == 7
    )


def test_keys_without_a_limit_have_the_services(settings, engine, serving):
    limited = settings.model_copy(update={"key_rate_limit": "1/minute,2"})
    with serving(limited, engine) as running:
        answers = [running.client.get("/v1/experiments").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
