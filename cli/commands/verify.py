"""`winback verify`: derive every decision of an experiment again."""

from typing import Annotated

import typer

from cli.console import complain, emit_json, progress_towards, say
from cli.threads import one_each


def verify(
    experiment: Annotated[str, typer.Argument(help="Key of the experiment.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Derive every draw exactly and every pmf from its snapshot; exit status 1 where any differs."""
    one_each()
    import msgspec

    from cli.errors import JobError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services import verifying

    with service_here() as service, progress_towards("verifying") as advance:
        found = verifying.verify(service.engine, SYSTEM, experiment, advance)
    if as_json:
        emit_json({**msgspec.to_builtins(found), "different": found.different})
    else:
        say(f"{found.checked:,} decisions of {experiment} derived again:")
        say(f"  {found.draws_different:,} draws and {found.pmfs_different:,} pmfs differ (tolerance 1e-6)")
        if found.erased:
            say(f"  {found.erased:,} were of erased people: what is left of them fits")
    for difference in found.examples:
        complain(f"{difference.decision_id}: {difference.detail}")
    if found.different:
        raise JobError(f"{found.different:,} decisions of {experiment} do not follow from what is stored")
