"""The outermost layer: limits, request ids, access log."""

import httpx
import pytest
from structlog.testing import capture_logs

from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from tests.api.rawsocket import Caller, chunked, refused

READERS = ["/v1/outcomes", "/v1/experiments/x/assignments", "/v1/experiments", "/ofrep/v1/evaluate/flags", "/v1/track"]
"""One of each kind of endpoint that reads a body."""


def test_the_limit_is_the_configured_one(sqlite_url, serving):
    settings = Settings(database_url=sqlite_url, max_body_bytes=100, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service:
        wish = {"profile": {"x": "y" * 50}}
        assert service.client.put("/v1/units/a", json=wish).status_code == 204
        wish = {"profile": {"x": "y" * 100}}
        refused = service.client.put("/v1/units/a", json=wish)
        assert refused.status_code == 413
        assert "100 bytes" in refused.json()["detail"]
        assert refused.headers["x-request-id"]
    engine.dispose()


async def _broken(request):
    raise RuntimeError("nobody expected this")


def test_the_access_log_has_a_line_for_each_request_and_no_secret(sqlite_url, serving):
    settings = Settings(database_url=sqlite_url, access_log=True, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service, capture_logs() as lines:
        service.client.app.add_route("/broken", _broken)
        answer = service.client.get("/v1/experiments?limit=3")
        service.client.get("/nowhere")
        service.client.get("/v1/units/ana@example.org")
        assert service.client.get("/broken").status_code == 500
    engine.dispose()
    seen = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in seen] == [
        ("GET", "/v1/experiments", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/units/{unit_id}", 404),
        ("GET", "/broken", 500),
    ]
    assert {type(line["status"]) for line in seen} == {int}, "logged as 404, not as HTTPStatus.NOT_FOUND"
    assert seen[0]["request_id"] == answer.headers["x-request-id"]
    assert service.key not in str(lines)


@pytest.mark.parametrize(
    "path",
    ["/v1/outcomes", "/v1/experiments/x/assignments", "/v1/experiments", "/ofrep/v1/evaluate/flags", "/v1/track"],
)
def test_a_body_that_is_never_complete_is_no_error_of_the_service(listening, path, caplog):
    key, port = f"authorization: Bearer {listening.key}\r\n".encode(), int(listening.url.rpartition(":")[2])
    begun = chunked([b'{"unit_id": "u", "kind": "session"}'], path).replace(b"host: x\r\n", key)
    with capture_logs() as lines:
        answer = refused(port, begun[:-5] + b"200000\r\n" + b" " * 0x200000)
        with Caller(port) as caller:
            caller.send(begun[:-5])
        assert httpx.get(f"{listening.url}/healthz").status_code == 200
    assert answer.status == 413
    assert [line["event"] for line in lines] == ["connections refused"]
    assert caplog.records == []
