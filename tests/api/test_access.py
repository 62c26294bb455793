"""Deny by default (law 11): a walk over all routes, hot ones included."""

import pytest
from starlette.routing import Route

from api.app import create_app
from api.auth import PUBLIC, declared, refuse_undeclared
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.settings import Settings

PAGES = {"/openapi.json", "/docs", "/docs/page.css", "/docs/page.js"}
OPEN = {"/healthz", "/readyz", "/metrics", *PAGES}


def _calls():
    for route in create_app(Settings(_env_file=None)).routes:
        path = getattr(route, "path_format", route.path)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield pytest.param(method, path, declared(route), id=f"{method} {path}")


def _address(path):
    """Numbers fit everywhere: as a key, an id and a unit."""
    for name in ("key_id", "user_id", "decision_id", "unit_id", "key", "arm", "variant", "number", "id", "batch_id"):
        path = path.replace(f"{{{name}}}", "7")
    assert "{" not in path, f"give {path} a value here"
    return path


@pytest.mark.parametrize(("method", "path", "need"), list(_calls()))
def test_every_route_refuses_who_may_not(sqlite_service, method, path, need):
    address = _address(path)
    stranger = sqlite_service.client.holding(None).request(method, address, json={})
    if need == PUBLIC:
        assert path in OPEN, f"{path} is public: say so here"
        assert stranger.status_code == 200
        return
    assert stranger.status_code == 401, stranger.text
    assert stranger.headers["content-type"] == "application/problem+json"
    others = [scope for scope in SCOPES if scope not in {need, "admin"}]
    weak = sqlite_service.client.holding(create_key(sqlite_service.engine, SYSTEM, "weak", others).key)
    for attempt in ("looked up", "remembered"):
        refused = weak.request(method, address, json={})
        assert refused.status_code == 403, f"{attempt}: {refused.text}"
        assert need in refused.json()["detail"]


@pytest.mark.parametrize(("method", "path", "need"), list(_calls()))
def test_every_route_is_in_the_description(sqlite_service, method, path, need):
    described = sqlite_service.client.get("/openapi.json").json()["paths"]
    if path not in {*PAGES}:
        assert method.lower() in described[path]


def test_a_route_that_says_nothing_is_not_served():
    async def careless(request):
        return None

    with pytest.raises(RuntimeError, match="/careless does not declare"):
        refuse_undeclared([Route("/careless", careless)])
