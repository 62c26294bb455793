"""`winback run` from the first line to the last."""

from contextlib import nullcontext

from cli.console import say
from cli.demo.__main__ import KEY_VARIABLE, URL_VARIABLE
from cli.errors import JobError
from cli.running.child import Child
from cli.running.first_start import DemoKey, introduce
from cli.running.ports import require_free, wait_ready
from cli.running.processes import CONSUMER, DEMO, PROCESSES
from cli.running.supervisor import Supervisor
from experiments.services.opening import open_service
from experiments.settings import Settings

READY_SECONDS = 60.0


def run_everything(settings: Settings, *, demo: bool) -> None:
    """Migrate, start every process, wait, stop. Raises CallError where a port is taken, JobError where none starts."""
    import migrations

    supervisor = Supervisor()
    supervisor.obey_signals()
    require_free(settings.api_host, settings.api_port, "WINBACK_API_PORT")
    require_free(settings.dashboard_host, settings.dashboard_port, "WINBACK_DASHBOARD_PORT")
    migrations.upgrade(settings.database_url)
    service = open_service(settings)
    try:
        introduce(service)
        with DemoKey(service) if demo else nullcontext() as demo_key:
            _supervise(supervisor, settings, demo_key)
    finally:
        service.engine.dispose()
    say("Winback has stopped; everything it acknowledged is in the database.")


def address(settings: Settings) -> str:
    """Where a browser on this machine finds the API."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - translated, not bound
    host = everywhere.get(settings.api_host, settings.api_host)
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.api_port}"


def _supervise(supervisor: Supervisor, settings: Settings, demo_key: DemoKey | None) -> None:
    url = address(settings)
    try:
        children = {name: Child(name, module, {}) for name, module in PROCESSES.items()}
        if settings.broker_url is not None:
            children["consumer"] = Child("consumer", CONSUMER, {})
        for child in children.values():
            supervisor.start(child)
        if _ready(url, children["api"], supervisor):
            _announce(url, settings)
            if demo_key is not None:
                supervisor.start(Child("demo", DEMO, {URL_VARIABLE: url, KEY_VARIABLE: demo_key.create()}))
            supervisor.watch()
    finally:
        say("Stopping ...")
        supervisor.stop()


def _ready(url: str, api: Child, supervisor: Supervisor) -> bool:
    """Whether the API answers; False where somebody said stop meanwhile. Raises JobError."""
    if wait_ready(url, READY_SECONDS, lambda: api.alive and not supervisor.stopping.is_set()):
        return True
    if not supervisor.stopping.is_set():
        raise JobError(f"the API did not become ready at {url}; the lines above say why")
    return False


def _announce(url: str, settings: Settings) -> None:
    say(f"Winback is running on {settings.database_url.partition('@')[2] or settings.database_url}")
    say(f"  API      {url}/v1  (described at {url}/docs)")
    say(f"  metrics  {url}/metrics")
    say(f"  pages    http://{settings.dashboard_host}:{settings.dashboard_port}")
    say("Ctrl-C stops all of it.")
