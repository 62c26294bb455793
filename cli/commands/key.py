"""`winback key …`: credentials of systems."""

from typing import Annotated

import typer

from cli.console import emit_json, say


def create(
    scope: Annotated[list[str], typer.Option(help="assign, outcomes, read, experiment, analyse or admin; repeatable.")],
    name: Annotated[str, typer.Option(help="Whose it is, as the audit log writes it.")] = "shell",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Create an API key and print it once; only its hash is kept."""
    from cli.here import service_here
    from experiments.model.principal import SYSTEM
    from experiments.services.granting import create_key

    with service_here() as service:
        granted = create_key(service.engine, SYSTEM, name, scope)
    if as_json:
        emit_json({"id": granted.id, "name": name, "prefix": granted.prefix, "scopes": scope, "key": granted.key})
    else:
        say(f"{granted.key}\nThis is shown once. Send it as: Authorization: Bearer {granted.prefix}_…")
