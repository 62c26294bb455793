"""`winback audit …`: the audit trail."""

from typing import Annotated

import typer

from cli.console import emit_json, say


def verify(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Check that no entry of the audit log was changed or taken out; exit status 1 where one was.

    A chain cannot show that its newest entries were cut off: note the head elsewhere and compare.
    """
    from cli.errors import JobError
    from cli.here import service_here
    from experiments.model.principal import SYSTEM
    from experiments.services.auditing import verify_audit

    with service_here() as service:
        check = verify_audit(service.engine, SYSTEM)
    if as_json:
        emit_json({"entries": check.entries, "broken_at": check.broken_at, "head": check.head})
    elif check.broken_at is None:
        say(f"{check.entries} entries, unbroken; head {check.head}")
    if check.broken_at is not None:
        raise JobError(f"entry {check.broken_at} of the audit log does not fit the one before it: it was changed")
