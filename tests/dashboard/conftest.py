"""What tests of the dashboard share: callers of every role, and databases with nothing, one row and many."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dash
import pytest
from sqlalchemy import Engine

from benchmarks.synthetic_log import Shape, write_log
from dashboard.app import create_dashboard
from dashboard.filters import Filters
from dashboard.who import Who
from experiments.jobs import WorkerContext
from experiments.jobs.joining import join
from experiments.model.access.principal import ROLES, Principal
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

MONEY = {"name": "Spring: bring them back", "objective": {"maximise": "net_value", "margin": 0.4}}
FILLINGS: dict[str, tuple[Shape, ...]] = {
    "nothing": (),
    "one": (Shape(1, arms=2),),
    "many": (
        Shape(1_500, arms=12, repeats=2, voided=0.03, forced=0.02, segments=6, extra=MONEY),
        Shape(300, arms=3, extra={"name": "Summer quests"}),
    ),
}
"""What stands in the database: a campaign for each shape, all of it joined."""


def _fill(url: str, shapes: tuple[Shape, ...]) -> None:
    worker = WorkerContext(Settings(database_url=url, _env_file=None))
    for number, shape in enumerate(shapes, 1):
        write_log(worker.engine, shape, key=f"campaign-{number}", number=number)
    join(worker)
    worker.close()


@pytest.fixture(scope="session", params=FILLINGS)
def filled_url(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with nothing, one decision, or many; shared, so that tests only read it."""
    path = tmp_path_factory.mktemp(f"dashboard-{request.param}") / "winback.db"
    shutil.copy(sqlite_template, path)
    url = f"sqlite:///{path}"
    _fill(url, FILLINGS[request.param])
    return url


@pytest.fixture(scope="session")
def filled_copy(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with many decisions, to which a running site may add its people."""
    path = tmp_path_factory.mktemp("site") / "winback.db"
    shutil.copy(sqlite_template, path)
    _fill(f"sqlite:///{path}", FILLINGS["many"])
    return f"sqlite:///{path}"


@pytest.fixture
def filled(filled_url: str) -> Iterator[Callable[[str], Who]]:
    """Callers, by role, over a database with nothing, one decision, or many."""
    settings = Settings(database_url=filled_url, _env_file=None)
    engine = engine_for(settings)
    yield lambda role: caller(engine, settings, role)
    engine.dispose()


@pytest.fixture
def filters(filled_url: str) -> Filters:
    """The first campaign chosen, where there is one."""
    return Filters() if "nothing" in filled_url else Filters(campaign="campaign-1")


def caller(engine: Engine, settings: Settings, role: str) -> Who:
    """Somebody with the role."""
    return Who(engine, Principal(f"user:{role}@example.com", ROLES[role]), settings)


@pytest.fixture
def who(engine: Engine, settings: Settings) -> Callable[[str], Who]:
    """Callers, by role, over a fresh database that may be changed."""
    return lambda role: caller(engine, settings, role)


@pytest.fixture
def app(settings: Settings, engine: Engine) -> Iterator[dash.Dash]:
    """The dashboard over the fresh database."""
    app = create_dashboard(settings, engine)
    yield app
    app.server.extensions["foresight"].close()
