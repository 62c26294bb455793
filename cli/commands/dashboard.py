"""`winback dashboard`: the pages for marketers."""

import signal
import socket
from typing import Annotated

import typer

from cli.threads import one_each


def dashboard(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default WINBACK_DASHBOARD_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default WINBACK_DASHBOARD_PORT.")] = None,
) -> None:
    """Serve the dashboard until stopped. It reads and changes the same database as the API."""
    one_each()
    from cli.lifeline import hold
    from cli.logs import configure
    from experiments.services.attending import present
    from experiments.settings import settings

    hold()
    chosen = settings()
    configure(chosen)
    # Listening comes first: who asks while the pages are being loaded, which takes seconds, waits instead of failing.
    listening = _listen(host or chosen.dashboard_host, port or chosen.dashboard_port)

    from dashboard.app import create_dashboard
    from dashboard.serving import Server

    server = Server(create_dashboard(chosen).server, listening, chosen.proxies)
    # The server ends its loop, and lets its threads finish, on the exception of Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with present(chosen):
        server.run()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)
