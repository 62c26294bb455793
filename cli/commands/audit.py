"""`winback audit …`: the audit trail."""

from typing import Annotated

import typer

from cli.console import emit_json, say


def verify(
    head: Annotated[
        str | None, typer.Option(help="COUNT:MAC as noted elsewhere before, such as from the log: is it still there?")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check that no entry of the audit trail was changed, taken out or cut off; exit status 1 where one was."""
    from dataclasses import asdict

    from cli.errors import JobError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.access.auditing import verify_audit
    from experiments.services.access.watching import note_now

    with service_here() as service:
        check = verify_audit(service.engine, SYSTEM, head)
        if check.problems:
            note_now(service.engine, "audit_broken", "audit trail", "")
    if as_json:
        emit_json(asdict(check))
    elif not check.problems:
        say(f"{check.entries} entries, unbroken, {check.anchored} anchored; head {check.entries}:{check.head}")
    if not as_json:
        for restore in check.restores:
            say(f"taken back on {restore}")
    if check.problems:
        raise JobError("; ".join(check.problems))


def accept(
    reason: Annotated[str, typer.Option(help="Why the trail is shorter than it was; written into it.")],
) -> None:
    """Take the trail as it is, after an older database was put in place in another way than by `winback restore`."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.access.auditing import accept_audit

    with service_here() as service:
        accept_audit(service.engine, SYSTEM, reason)
    say("The audit trail goes on from here; that it does is written in it.")
