"""Whatever is sent to whichever route: a clear 4xx, never a 500, and nothing is written by what is refused."""

import json
import shutil
from copy import deepcopy

import pytest
from sqlalchemy import text
from starlette.routing import Route

from api.app import create_app
from experiments.model.tables import SQLModel
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading

AT = "2026-01-01T00:00:00Z"

BODIES = {
    "POST /v1/experiments": {
        "key": "new",
        "arms": [{"key": "a"}],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
    },
    "PATCH /v1/experiments/{key}": {"name": "renamed"},
    "POST /v1/experiments/{key}/clone": {"key": "cloned"},
    "PATCH /v1/experiments/{key}/arms/{arm}": {"weight": 0.4, "reason": "r", "expires_at": "2099-01-01T00:00:00Z"},
    "PATCH /v1/experiments/{key}/variants/{variant}": {"enabled": False, "reason": "r"},
    "POST /v1/plans": {"metric": {"base": 0.1}, "test": {"relative_effect": 0.1, "arms": 2, "audience": 90_000}},
    "POST /v1/keys": {
        "name": "n",
        "scopes": ["read"],
        "expires_at": "2099-01-01T00:00:00Z",
        "rate_limit": {"requests": 5, "per": "minute", "burst": 5},
    },
    "POST /v1/keys/{key_id}/rotate": {"overlap": "P1D"},
    "POST /v1/users": {"email": "a@b.c", "password": "correct horse", "role": "viewer"},
    "PATCH /v1/users/{user_id}": {"role": "viewer", "password": "correct horse", "disabled": False},
    "PUT /v1/units/{unit_id}": {"profile": {"orders": 1}},
    "POST /v1/units/batch": {"units": [{"unit_id": "u", "profile": {"orders": 1}}], "merge": True},
    "PUT /v1/suppressions": {"units": ["u"], "reason": "r", "expires_at": "2099-01-01T00:00:00Z"},
    "PUT /v1/suppressions/{unit_id}": {"reason": "r", "expires_at": "2099-01-01T00:00:00Z"},
    "PUT /v1/settings/global-holdout": {"share": 0.1},
    "POST /v1/experiments/{key}/assignments": {"unit_id": "u", "context": {"x": 1}, "idempotency_key": "k"},
    "POST /v1/experiments/{key}/assignments/batch": {"assignments": [{"unit_id": "u"}]},
    "POST /v1/experiments/{key}/clock": {"at": AT},
    "POST /v1/decisions/{decision_id}/void": {"reason": "expired"},
    "POST /v1/decisions/void": {"decisions": ["d_0000000000000"], "reason": "expired"},
    "POST /v1/experiments/{key}/replays": {"policies": ["uniform"]},
    "POST /v1/experiments/{key}/aa": {"salts": 10, "share": 0.5},
    "PUT /v1/settings/tracking": {"events": {"Song Played": [{"kind": "session", "value": []}]}, "page": []},
    "POST /v1/identify": {"userId": "u", "traits": {"plan": "gold"}, "messageId": "m1"},
    **{
        f"POST /v1/{call}": {"userId": "u", "event": "Song Played", "properties": {"x": 1}, "timestamp": AT}
        for call in ("track", "page", "screen", "group", "alias")
    },
    "POST /v1/batch": {"batch": [{"type": "track", "userId": "u", "event": "Song Played", "messageId": "m2"}]},
    "POST /v1/destinations": {
        "key": "crm",
        "kind": "braze",
        "url": "https://braze.example",
        "credential_env": "WINBACK_SECRET_BRAZE",
        "batch_size": 50,
        "options": {"event_name": "x"},
    },
    "PATCH /v1/destinations/{key}": {"url": "https://braze.example", "batch_size": 5, "options": {"event_name": "y"}},
    "POST /v1/experiments/{key}/deliveries": {"format": "csv", "source": {"since": "0"}, "include_nothing": True},
    "POST /v1/exposures/fallback": {
        "exposures": [{"exposure_id": "x", "experiment": "e", "unit_id": "u", "arm": "a", "at": AT}]
    },
    "POST /ofrep/v1/evaluate/flags/{key}": {"context": {"targetingKey": "u", "x": 1}},
    "POST /ofrep/v1/evaluate/flags": {"context": {"targetingKey": "u"}},
    "PUT /v1/catalogue/arms": {"arms": [{"key": "bogo", "reward_amount": 5}]},
    "PUT /v1/catalogue/arms/{arm}": {"reward_amount": 5, "payload": {"t": 1}},
    "POST /v1/experiments/{key}/batches": {"assignments": [{"unit_id": "u", "context": {"x": 1}}]},
    "POST /v1/segments": {"key": "new", "kind": "external", "refresh_every": "P1D", "drift_threshold": 0.3},
    "PATCH /v1/segments/{key}": {"name": "renamed", "drift_threshold": 0.3},
    "PUT /v1/segments/{key}/members": {"members": [{"unit_id": "u", "value": "gold"}], "leave": ["w"]},
    "POST /v1/outcomes": {"event_id": "e", "unit_id": "u", "kind": "session", "occurred_at": AT},
}
"""A body that each route would take: what is spoilt below."""

RAW = {
    "nothing": b"",
    "no JSON": b"{",
    "a comma too many": b'{"a": 1,}',
    "invalid UTF-8": b'{"key": "\xff\xfe", "unit_id": "\xff"}',
    "NaN": b'{"share": NaN}',
    "infinity": b'{"share": -Infinity}',
    "beyond any number": b'{"share": 1e999}',
    "half a character": b'{"key": "\\ud800", "unit_id": "\\ud800"}',
    "null": b"null",
    "a number": b"5",
    "a text": b'"x"',
    "an empty list": b"[]" + b" " * 10,
    "an abyss": b"[" * 200_000,
    "an abyss of objects": b'{"a":' * 100_000,
    "two megabytes": b'{"key": "' + b"x" * 2_000_000 + b'"}',
}
# Each outcome is refused alone, as `rejected` in the reply; and an empty list asks for nothing.
_FINE = {("POST /v1/outcomes", kind) for kind in ("null", "a number", "a text", "an empty list")}
_FINE |= {("POST /v1/experiments/{key}/assignments/batch", "an empty list")}
_FINE |= {("POST /v1/keys/{key_id}/rotate", kind) for kind in ("nothing", "null")}
_FINE |= {("POST /v1/exposures/fallback", "an empty list")}

VALUES = {
    "NUL": "a\x00b",
    "a million characters": "x" * 1_000_000,
    "a list": [1, [2]],
    "an object": {"a": {"b": [None]}},
    "10,000 features": {f"f{n}": n for n in range(10_000)},
    "a huge number": 10**400,
    "a negative number": -1e308,
    "a truth value": True,
    "nothing": None,
    "a wild text": "'; DROP TABLE decisions; --\u202e\ud83d\ude00 %s {} \\",
    "a line": "a\nb|c:d",
}

# Refused before a statement is made, whichever the database: one of them is enough.
_NEVER_STORED = {"a list", "an object", "a truth value", "nothing", "10,000 features"}

PLACES = ["%00", "x" * 30_000, "%ff%fe", "..", "%2e%2e%2fetc", "a%0ab", "%ed%a0%80", "9" * 30, "-1", "'--", "d_"]


def _routes():
    for route in create_app(Settings(_env_file=None)).routes:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            if isinstance(route, Route) and route.path.startswith("/v1/"):
                yield f"{method} {getattr(route, 'path_format', route.path)}", route


ROUTES = dict(_routes())
WITH_BODY = sorted(BODIES)
READS = sorted(name for name in ROUTES if name.startswith("GET "))


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def besieged(request, serving, tmp_path_factory):
    """One service for the whole siege, with a running experiment, a unit and a user that the addresses name."""
    name, url = None, None
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("siege") / "winback.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        databases = request.getfixturevalue("postgres_databases")
        name, url = databases.lend()
    data = tmp_path_factory.mktemp("siege-data")
    settings = Settings(database_url=url, data_dir=data, database_timeout=5.0, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        service.client.post("/v1/experiments", json={**BODIES["POST /v1/experiments"], "key": "e"})
        service.client.post("/v1/experiments/e/start")
        place = {**BODIES["POST /v1/destinations"], "key": "e"}
        assert service.client.post("/v1/destinations", json=place).status_code == 201
        service.client.put("/v1/units/u", json={"profile": {"orders": 1}})
        service.client.post("/v1/segments", json={"key": "e", "kind": "external"})
        service.client.post("/v1/users", json={"email": "z@b.c", "password": "correct horse", "role": "viewer"})
        yield service
    engine.dispose()
    if name is not None:
        databases.give_back(name)


def _address(name, **places):
    method, path = name.split(" ")
    known = {"key": "e", "arm": "a", "variant": "v", "unit_id": "u", "decision_id": "d_0000000000000"}
    known |= dict.fromkeys(("user_id", "key_id", "number"), "1")
    for step, value in {**known, **places}.items():
        path = path.replace(f"{{{step}}}", value)
    return method, path


def _rows(engine):
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in sorted(SQLModel.metadata.tables))
    with reading(engine) as session:
        return dict(session.connection().execute(text(counts)).fetchall())


def _assert_refused_or_sound(service, before, answer, *, may_succeed):
    """How many rows each table has afterwards."""
    assert answer.status_code < 500, answer.text[:2000]
    after = _rows(service.engine)
    if may_succeed and answer.status_code < 300:
        assert "rejected" not in answer.text or after == before
        return after
    assert 400 <= answer.status_code < 500, answer.text[:2000]
    if answer.headers["content-type"] == "application/json":  # OFREP has a form of its own for refusals
        assert answer.json()["errorCode"] and answer.json()["errorDetails"]
        assert len(answer.content) < 100_000 and after == before
        return after
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["detail"]
    assert len(answer.content) < 100_000, "a refusal does not echo what it refuses"
    assert after == before
    return after


def test_every_route_with_a_body_is_besieged():
    described = create_app(Settings(_env_file=None)).openapi()["paths"]
    taking = {
        f"{method.upper()} {path}"
        for path, operations in described.items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert taking == set(BODIES)


@pytest.mark.parametrize("name", WITH_BODY)
def test_bodies_that_make_no_sense(besieged, name):
    method, path = _address(name)
    before = _rows(besieged.engine)
    for kind, content in RAW.items():
        answer = besieged.client.request(method, path, content=content, headers={"Content-Type": "application/json"})
        before = _assert_refused_or_sound(besieged, before, answer, may_succeed=(name, kind) in _FINE)


@pytest.mark.parametrize("name", WITH_BODY)
def test_bodies_in_chunks_are_limited_too(besieged, name):
    async def chunks():
        for _ in range(40):
            yield b" " * 50_000

    before = _rows(besieged.engine)
    method, path = _address(name)
    headers = {"Content-Type": "application/json"}
    answer = besieged.client.request(method, path, content=chunks(), headers=headers)
    assert answer.status_code == 413
    _assert_refused_or_sound(besieged, before, answer, may_succeed=False)


def _spoilt(body, value):
    """The body with each of its values replaced in turn, at any depth; and with one more."""
    for step in body if isinstance(body, dict) else range(len(body)):
        copy = deepcopy(body)
        copy[step] = value
        yield copy
        if isinstance(body[step], dict | list):
            for inner in _spoilt(body[step], value):
                yield {**body, step: inner} if isinstance(body, dict) else [inner]
    if isinstance(body, dict):
        yield {**body, "colour": value}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", WITH_BODY)
def test_values_that_make_no_sense(besieged, name, kind):
    if kind in _NEVER_STORED and not besieged.settings.is_sqlite:
        return
    method, path = _address(name)
    before = _rows(besieged.engine)
    for body in _spoilt(BODIES[name], VALUES[kind]):
        content = json.dumps(body).encode()
        answer = besieged.client.request(method, path, content=content, headers={"Content-Type": "application/json"})
        before = _assert_refused_or_sound(besieged, before, answer, may_succeed=True)


@pytest.mark.parametrize("name", sorted(name for name in ROUTES if "{" in name))
def test_addresses_that_make_no_sense(besieged, name):
    steps = [part.strip("{}") for part in name.split("/") if part.startswith("{")]
    before = _rows(besieged.engine)
    for place in PLACES:
        method, path = _address(name, **dict.fromkeys(steps, place))
        body = {"json": BODIES[name]} if name in BODIES else {}
        answer = besieged.client.request(method, path, **body)
        assert answer.status_code < 500, f"{place:.40}: {answer.text}"
        before = _assert_refused_or_sound(
            besieged, before, answer, may_succeed=any(part in name for part in ("unit", "clone", "PUT /v1/catalogue"))
        )


QUERIES = [
    "cursor=%00",
    "cursor=zzzzzzzzzzzzzz",
    f"cursor={'z' * 10_000}",
    "limit=1e9",
    "limit=-1",
    "status=%00",
    "target=%00",
    "unit_id=%00",
    "from=yesterday",
    f"to={'9' * 5000}",
]


@pytest.mark.parametrize("name", READS)
def test_queries_that_make_no_sense(besieged, name):
    _, path = _address(name)
    before = _rows(besieged.engine)
    for query in QUERIES:
        answer = besieged.client.get(f"{path}?{query}")
        before = _assert_refused_or_sound(besieged, before, answer, may_succeed=True)
