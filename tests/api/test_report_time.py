"""What calculates may take longer than what decides, on threads and connections of its own."""

import time

import pytest
from sqlalchemy import text

import api.routes.results as results_route
from api.app import create_app
from cli import here
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading

LIMIT = 0.4
PATIENCE = 5.0


@pytest.fixture
def hurried(database_url, serving, tmp_path):
    """A service whose decisions wait for less than its reports."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path / "history",
        database_timeout=LIMIT,
        report_timeout=PATIENCE,
        snapshot_poll=0.05,
        _env_file=None,
    )
    engine = engine_for(settings)
    with serving(settings, engine) as running:
        yield running
    engine.dispose()


def _busy(engine, seconds):
    """A statement that takes so long where the database can do that, else as long in this thread."""
    with reading(engine) as session:
        if engine.name == "postgresql":
            session.connection().execute(text(f"SELECT pg_sleep({seconds})"))
        else:
            time.sleep(seconds)


def test_a_readout_may_take_longer_than_a_decision(hurried, monkeypatch):
    def slow(engine, principal, key, question):
        _busy(engine, 3 * LIMIT)
        return {"experiment": key}

    monkeypatch.setattr(results_route, "readout", slow)
    answer = hurried.client.get("/v1/experiments/e/results")
    assert answer.status_code == 200 and answer.json() == {"experiment": "e"}


def test_everything_else_is_cut_soon(hurried, monkeypatch):
    import api.routes.alerts as route

    monkeypatch.setattr(route.views, "alert", lambda engine, principal, number: _busy(engine, 3 * LIMIT))
    assert hurried.client.get("/v1/alerts/1").status_code == 503


def test_a_report_is_cut_too(database_url, serving, monkeypatch, tmp_path):
    times = {"database_timeout": LIMIT, "report_timeout": 2 * LIMIT}
    settings = Settings(database_url=database_url, data_dir=tmp_path / "history", **times, _env_file=None)
    engine = engine_for(settings)
    monkeypatch.setattr(results_route, "readout", lambda engine, *_: _busy(engine, 6 * LIMIT))
    with serving(settings, engine) as running:
        started = time.monotonic()
        assert running.client.get("/v1/experiments/e/results").status_code == 503
        assert time.monotonic() - started < 6 * LIMIT
    engine.dispose()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/experiments/{key}/results",
        "/v1/experiments/{key}/trends",
        "/v1/experiments/{key}/guardrails",
        "/v1/experiments/{key}/verification",
        "/v1/portfolio",
        "/v1/plans",
        "/v1/plans/{number}",
        "/v1/replays/{number}",
        "/v1/aa/{number}",
        "/v1/audit/verification",
    ],
)
def test_what_calculates_is_a_report(path):
    routes = [route for route in create_app(Settings(_env_file=None)).routes if getattr(route, "path", "") == path]
    assert routes
    for route in routes:
        assert "report" in route.endpoint.__code__.co_names, path


def test_the_shell_waits_as_long_as_a_report(settings, monkeypatch):
    chosen = settings.model_copy(update={"database_timeout": LIMIT, "report_timeout": PATIENCE})
    monkeypatch.setattr(here, "settings", lambda: chosen)
    with here.service_here() as service, reading(service.engine) as session:
        if service.engine.name == "postgresql":
            assert session.connection().execute(text("SHOW statement_timeout")).scalar() == "5s"
        assert service.settings.database_timeout == PATIENCE


def test_no_report_is_hastier_than_a_decision():
    assert Settings(database_timeout=20.0, report_timeout=1.0, _env_file=None).report_patience == 20.0
    assert Settings(_env_file=None).report_patience == 10.0
