"""A service for a while: API and worker on a database in a temporary folder, quick in everything that polls."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import migrations
from cli.errors import JobError
from cli.running.child import Child
from cli.running.ports import free_port, wait_ready
from cli.running.processes import PROCESSES
from cli.running.supervisor import Supervisor
from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.services.opening import open_service
from experiments.settings import Settings

READY_SECONDS = 60.0
QUICK = {"WINBACK_SNAPSHOT_POLL": "0.01", "WINBACK_WORKER_INTERVAL": "0.01", "WINBACK_DATABASE_TIMEOUT": "10"}
NEEDED = ("api", "worker")


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers: where it is, an admin key, and its settings."""

    url: str
    key: str
    settings: Settings


@contextmanager
def temporary_service() -> Iterator[Running]:
    """A service while the block runs; its database is thrown away afterwards. Raises JobError where it won't start."""
    with tempfile.TemporaryDirectory(prefix="winback-") as folder:
        port, log = free_port(), Path(folder) / "service.log"
        database = f"sqlite:///{folder}/winback.db"
        migrations.upgrade(database)
        settings = Settings(database_url=database, api_port=port, _env_file=None)
        environment = {"WINBACK_DATABASE_URL": database, "WINBACK_API_PORT": str(port), **QUICK}
        environment |= {"WINBACK_API_HOST": "127.0.0.1", "WINBACK_BROKER_URL": ""}
        supervisor = Supervisor()
        try:
            children = [Child(name, PROCESSES[name], environment, log) for name in NEEDED]
            for child in children:
                supervisor.start(child)
            url = f"http://127.0.0.1:{port}"
            if not wait_ready(url, READY_SECONDS, lambda: all(child.alive for child in children)):
                raise JobError(f"the temporary service did not start:\n{_tail(log)}")
            yield Running(url, _admin_key(settings), settings)
        finally:
            supervisor.stop()


def _admin_key(settings: Settings) -> str:
    service = open_service(settings)
    try:
        return create_key(service.engine, SYSTEM, "drive", ["admin"]).key
    finally:
        service.engine.dispose()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
