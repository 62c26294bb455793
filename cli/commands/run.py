"""`winback run`: everything in one go."""

from typing import Annotated

import typer

from cli.threads import one_each


def run(
    demo: Annotated[bool, typer.Option("--demo", help="Also run a simulated campaign through the HTTP API.")] = False,
) -> None:
    """Migrate, start every process, print the addresses; Ctrl-C stops all of it."""
    one_each()
    from cli.running.session import run_everything
    from experiments.settings import settings

    run_everything(settings(), demo=demo)
