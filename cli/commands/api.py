"""`winback api`: one API process."""

from typing import Annotated

import typer

from cli.threads import one_each

DRAIN_SECONDS = 2
"""How long requests under way may take once the process is told to stop."""


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default WINBACK_API_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default WINBACK_API_PORT.")] = None,
) -> None:
    """Serve the HTTP API until stopped. Any number of these may run on one database."""
    one_each()
    import uvicorn

    from api.app import create_app
    from api.serving import guarded
    from cli.lifeline import hold
    from cli.logs import configure
    from experiments.services.attending import present
    from experiments.settings import settings

    hold()
    chosen = settings()
    configure(chosen)
    with present(chosen):
        uvicorn.run(
            create_app(chosen),
            host=host or chosen.api_host,
            port=port or chosen.api_port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            **guarded(chosen),
        )
