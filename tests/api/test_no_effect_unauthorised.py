"""Nothing changes before authorisation is complete: every route, every scope alone, and keys that are none any more.

Each call is one that works. That it does is shown afterwards: the same call with the scope that the route names.
"""

import base64
import hashlib
import shutil
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from api.app import create_app
from api.auth import PUBLIC, declared
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.model.tables import SQLModel
from experiments.model.tables.messages import Alert
from experiments.model.times import now
from experiments.services.access.granting_keys import create_key, revoke_key
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading, transaction
from tests.api.test_hostile_input import BODIES

ASIDE = {"security_events", "guess_marks"}
"""Signs of trouble and what limits guessing: these change when somebody is refused."""
ASIDE_COLUMNS = {"api_keys": {"last_used_at", "addresses"}}

NOW = datetime.now(UTC).isoformat()
EXPERIMENT = BODIES["POST /v1/experiments"]
CALLS = {
    **BODIES,
    "POST /v1/outcomes": {**BODIES["POST /v1/outcomes"], "occurred_at": NOW},
    "POST /v1/experiments/{key}/clock": {"at": "2030-01-01T00:00:00Z", "confirm": True},
    "POST /v1/exposures/fallback": {
        "exposures": [{"exposure_id": "x", "experiment": "e", "unit_id": "u9", "arm": "a", "at": NOW}]
    },
    **{
        f"POST /v1/{call}": {"userId": "u", "event": "Order Completed", "name": "x", "messageId": f"{call}-1"}
        for call in ("track", "page", "screen", "group", "alias")
    },
    "POST /v1/batch": {"batch": [{"type": "page", "userId": "u", "name": "x", "messageId": "m2"}]},
    "POST /v1/experiments/{key}/assignments/batch": {"assignments": [{"unit_id": "u5"}, {"unit_id": "u6"}]},
    "POST /ofrep/v1/evaluate/flags": {"context": {"targetingKey": "u7"}},
    "POST /ofrep/v1/evaluate/flags/{key}": {"context": {"targetingKey": "u8"}},
}

STATELESS = {"POST /v1/group", "POST /v1/alias"}
"""Accepted, and without an effect by design."""


def _routes():
    for route in create_app(Settings(_env_file=None)).routes:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield f"{method} {getattr(route, 'path_format', route.path)}", declared(route)


ROUTES = dict(_routes())


def content(engine):
    """A hash of everything in the database but what a refusal may leave."""
    digest = hashlib.sha256()
    with reading(engine) as session:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in ASIDE:
                continue
            columns = [each.name for each in table.columns if each.name not in ASIDE_COLUMNS.get(table.name, ())]
            rows = session.connection().execute(text(f"SELECT {', '.join(columns)} FROM {table.name}"))
            digest.update(f"{table.name}{sorted(map(repr, rows))}".encode())
    return digest.hexdigest()


class World:
    """A service with one of everything, whose numbers the addresses name."""

    def __init__(self, service):
        self.service, self.client, self.engine = service, service.client, service.engine
        client = self.client
        self._made("/v1/experiments", {**EXPERIMENT, "key": "e", "ofrep_bulk": True})
        self._made("/v1/experiments/e/start", None)
        self._made("/v1/experiments", {**EXPERIMENT, "key": "clocked", "clock": "caller"})
        self._made("/v1/experiments/clocked/start", None)
        for key in ("draft", "paused", "stopped"):
            self._made("/v1/experiments", {**EXPERIMENT, "key": key})
        for path in ("paused/start", "paused/pause", "stopped/start", "stopped/stop"):
            self._made(f"/v1/experiments/{path}", None)
        self.decisions = [
            self._made("/v1/experiments/e/assignments", {"unit_id": f"w{n}", "context": {"x": 1}})["decision_id"]
            for n in range(3)
        ]
        self._made("/v1/destinations", {**BODIES["POST /v1/destinations"], "key": "e"})
        assert client.put("/v1/units/u", json={"profile": {"orders": 3}}).status_code == 204
        assert client.put("/v1/suppressions/s", json={"reason": "r"}).status_code in (200, 204)
        self._made("/v1/segments", {"key": "e", "kind": "external"})
        self._made("/v1/segments", {"key": "fresh", "kind": "inactivity"})
        assert client.put("/v1/catalogue/arms/a", json={"reward_amount": 1}).status_code in (200, 201, 204)
        self.user = self._made("/v1/users", {**BODIES["POST /v1/users"], "email": "z@b.c", "role": "analyst"})["id"]
        self.key = create_key(self.engine, SYSTEM, "to be changed", ["read"]).id
        self.batches = [
            self._made("/v1/experiments/e/batches", {"assignments": [{"unit_id": "b"}]})["id"] for _ in "ab"
        ]
        self._made(f"/v1/experiments/e/batches/{self.batches[1]}/cancel", None)
        self.replay = self._made("/v1/experiments/e/replays", {"policies": ["uniform"]})["id"]
        self.aa = self._made("/v1/experiments/e/aa", {"salts": 10, "share": 0.5})["id"]
        wish = {"format": "csv", "source": {"since": "0"}, "include_nothing": True}
        self.deliveries = [self._made("/v1/experiments/e/deliveries", wish)["id"] for _ in "abc"]
        with transaction(self.engine) as session:
            session.connection().execute(
                text("UPDATE deliveries SET status = 'dead' WHERE id = :id"), {"id": self.deliveries[1]}
            )
            session.connection().execute(
                text("UPDATE deliveries SET status = 'waiting' WHERE id = :id"), {"id": self.deliveries[2]}
            )
            alert = Alert(name="n", severity="info", title="t", detail={}, raised_at=now())
            session.add(alert)
        self.alert = alert.id

    def _made(self, path, body):
        answer = self.client.post(path, **({} if body is None else {"json": body}))
        assert answer.status_code < 300, f"{path}: {answer.text}"
        return answer.json() if answer.content else None

    def call(self, name, client, headers=None):
        method, path = self.address(name)
        body = {"json": self.body(name)} if name in CALLS else {}
        return client.request(method, path, headers=headers or {}, **body)

    def body(self, name):
        return {**CALLS[name], "decisions": self.decisions[1:]} if name == VOIDED else CALLS[name]

    def address(self, name):
        method, path = name.split(" ")
        places = {"key": "e", "arm": "a", "variant": "v", "unit_id": "u", "key_id": self.key, "user_id": self.user}
        places |= {"decision_id": self.decisions[0], "number": self.batches[0], **PLACES.get(name, lambda _: {})(self)}
        for step, value in places.items():
            path = path.replace(f"{{{step}}}", str(value))
        return method, path


VOIDED = "POST /v1/decisions/void"

PLACES = {
    "POST /v1/experiments/{key}/start": lambda _: {"key": "draft"},
    "POST /v1/experiments/{key}/resume": lambda _: {"key": "paused"},
    "POST /v1/experiments/{key}/archive": lambda _: {"key": "stopped"},
    "POST /v1/experiments/{key}/clock": lambda _: {"key": "clocked"},
    "POST /v1/segments/{key}/refresh": lambda _: {"key": "fresh"},
    "DELETE /v1/segments/{key}": lambda _: {"key": "fresh"},
    "DELETE /v1/suppressions/{unit_id}": lambda _: {"unit_id": "s"},
    "GET /v1/suppressions/{unit_id}": lambda _: {"unit_id": "s"},
    "POST /v1/replays/{number}/cancel": lambda world: {"number": world.replay},
    "GET /v1/replays/{number}": lambda world: {"number": world.replay},
    "POST /v1/aa/{number}/cancel": lambda world: {"number": world.aa},
    "GET /v1/aa/{number}": lambda world: {"number": world.aa},
    "POST /v1/alerts/{number}/acknowledge": lambda world: {"number": world.alert},
    "GET /v1/alerts/{number}": lambda world: {"number": world.alert},
    "POST /v1/deliveries/{number}/cancel": lambda world: {"number": world.deliveries[2]},
    "POST /v1/deliveries/{number}/retry": lambda world: {"number": world.deliveries[1]},
    "GET /v1/deliveries/{number}": lambda world: {"number": world.deliveries[0]},
    "GET /v1/deliveries/{number}/file": lambda world: {"number": world.deliveries[0]},
    "POST /v1/experiments/{key}/batches/{number}/resume": lambda world: {"number": world.batches[1]},
}
LAST = [
    "POST /v1/experiments/{key}/pause",
    "POST /v1/experiments/{key}/stop",
    "DELETE /v1/units/{unit_id}",
    "DELETE /v1/segments/{key}",
    "DELETE /v1/destinations/{key}",
    "DELETE /v1/keys/{key_id}",
]
"""What takes away what others need."""


@pytest.fixture(scope="module")
def world(serving, sqlite_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("walk") / "winback.db"
    shutil.copy(sqlite_template, path)
    settings = Settings(database_url=f"sqlite:///{path}", database_timeout=5.0, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        yield World(service)
    engine.dispose()


@pytest.fixture(scope="module")
def others(world):
    """Clients that hold a key each which is not enough, by what it is."""

    def holding(name, scopes, **more):
        return create_key(world.engine, SYSTEM, name, scopes, **more)

    keys = {scope: holding(scope, [scope]) for scope in SCOPES}
    revoked, expired = holding("revoked", SCOPES), holding("expired", SCOPES, expires_at=now() + 10**9)
    revoke_key(world.engine, SYSTEM, revoked.id, force=True)
    with transaction(world.engine) as session:
        session.connection().execute(text("UPDATE api_keys SET expires_at = 5 WHERE id = :id"), {"id": expired.id})
    found = {name: granted.key for name, granted in {**keys, "revoked": revoked, "expired": expired}.items()}
    return {**found, "unknown": "wb_00000000_" + "a" * 43, "none": None}


def _ways(name, key):
    """Headers that bring a key: each place in which the route takes one."""
    yield {} if key is None else {"Authorization": f"Bearer {key}"}
    if key is not None and name in TRACKED:
        yield {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}
    if key is not None and name.startswith("POST /ofrep/"):
        yield {"X-API-Key": key}


TRACKED = {f"POST /v1/{call}" for call in ("track", "page", "screen", "group", "alias", "identify", "batch")}


@pytest.mark.parametrize("name", ROUTES)
def test_who_is_refused_has_no_effect(world, others, name):
    need = ROUTES[name]
    stranger = world.client.holding(None)
    before = content(world.engine)
    for who, key in others.items():
        for headers in _ways(name, key):
            if need == PUBLIC:
                assert world.call(name, stranger, headers).status_code == 200
            elif who not in (need, "admin"):
                answer = world.call(name, stranger, headers)
                assert answer.status_code == (403 if who in SCOPES else 401), f"{who}: {answer.text}"
            assert content(world.engine) == before, f"{name} had an effect for {who}"
        if key is not None and name in TRACKED and who not in (need, "admin"):
            method, path = world.address(name)
            answer = stranger.request(method, path, json={**CALLS[name], "writeKey": key})
            assert answer.status_code == (403 if who in SCOPES else 401)
            assert content(world.engine) == before, f"{name} had an effect for {who}"


def test_an_arm_is_not_forced_with_the_scope_of_assigning(world, others):
    before = content(world.engine)
    body = {"unit_id": "forced", "arm": "a", "force": True}
    for path, sent in (("assignments", body), ("assignments/batch", {"assignments": [body]})):
        answer = world.client.holding(others["assign"]).post(f"/v1/experiments/e/{path}", json=sent)
        assert answer.status_code == 403 or answer.json()["results"][0]["status"] == 403, answer.text
        assert content(world.engine) == before


def test_whoever_may_read_is_answered(world, others):
    for name, need in ROUTES.items():
        if name.startswith("GET ") and need != PUBLIC:
            answer = world.call(name, world.client.holding(others[need]))
            assert answer.status_code not in (401, 403), f"{name}: {answer.text}"


def test_each_of_these_calls_works_for_whom_it_is_meant(world, others):
    """Also where the scope is all that the key has: what is answered after a change takes no other."""
    changing = [name for name in ROUTES if not name.startswith("GET ")]
    assert set(LAST) <= set(changing)
    for name in [*(each for each in changing if each not in LAST), *LAST]:
        before = content(world.engine)
        answer = world.call(name, world.client.holding(others[ROUTES[name]]))
        assert answer.status_code < 300, f"{name}: {answer.status_code} {answer.text}"
        assert (content(world.engine) != before) == (name not in STATELESS), name
