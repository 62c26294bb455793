"""`winback user …`: logins of people."""

from typing import Annotated

import typer

from cli.console import emit_json, say


def create(
    email: Annotated[str, typer.Option(help="What the person logs in with.")],
    role: Annotated[str, typer.Option(help="viewer, analyst, experimenter or admin.")] = "viewer",
    password: Annotated[
        str | None, typer.Option(envvar="WINBACK_PASSWORD", help="Better left out: one is made and shown once.")
    ] = None,
    own_password: Annotated[
        bool, typer.Option("--own-password", help="The person chose it: ask for no other at the first sign-in.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Create a login; only the password's Argon2 hash is kept."""
    from cli.here import service_here
    from experiments.model.access.passwords import invented_password
    from experiments.model.access.principal import SYSTEM
    from experiments.services.access.granting_users import create_user

    chosen = password or invented_password(email)
    with service_here() as service:
        number = create_user(service.engine, SYSTEM, email, chosen, role, own=own_password)
    if as_json:
        emit_json({"id": number, "email": email, "role": role, "password": None if password else chosen})
    elif password:
        say(f"{email} may log in as {role}{'' if own_password else ', and chooses another password then'}.")
    else:
        say(
            f"{email} may log in as {role} with the password {chosen}\n"
            "It is shown once; the person chooses another at the first sign-in."
        )
