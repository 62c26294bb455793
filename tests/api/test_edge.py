"""The outermost layer: limits, request ids, access log."""

from structlog.testing import capture_logs

from experiments.settings import Settings
from experiments.store.engine import engine_for


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


def test_the_access_log_has_a_line_for_each_request_and_no_secret(sqlite_url, serving):
    settings = Settings(database_url=sqlite_url, access_log=True, _env_file=None)
    engine = engine_for(settings)
    with serving(settings, engine) as service, capture_logs() as lines:
        answer = service.client.get("/v1/experiments?limit=3")
        service.client.get("/nowhere")
        service.client.get("/v1/units/ana@example.org")
    engine.dispose()
    seen = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in seen] == [
        ("GET", "/v1/experiments", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/units/{unit_id}", 404),
    ]
    assert seen[0]["request_id"] == answer.headers["x-request-id"]
    assert service.key not in str(lines)
