"""`winback rebuild`: an experiment's rollups, arm cells and trust sums added up anew from its log."""

from typing import Annotated

import typer

from cli.console import emit_json, progress_stages, say
from cli.threads import one_each


def rebuild(
    experiment: Annotated[str, typer.Argument(help="Key of the experiment.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the new sums in place of the stored ones; no worker may be at work.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare the stored sums with those of the log; exit status 1 where they differ and are not replaced."""
    one_each()
    from cli.errors import JobError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.rebuilding import rebuilder as rebuilding

    with service_here() as service, progress_stages() as report:
        if replace:
            found = rebuilding.replace(service.settings, service.engine, SYSTEM, experiment, report)
        else:
            found = rebuilding.compare(service.engine, SYSTEM, experiment, report)
    if as_json:
        emit_json({"experiment": experiment, **found.as_dict()})
    else:
        say(f"{found.rows:,} matured decisions of {experiment} added up anew:")
        for name, one in found.compared.items():
            state = "as stored" if one.agrees else f"{one.missing:,} missing on a side, {one.different:,} different"
            say(f"  {name}: {one.rebuilt:,} rows, {state}")
        say("the stored sums were replaced" if found.replaced else "nothing was changed")
    if not found.agrees and not found.replaced:
        raise JobError(f"the stored sums of {experiment} are not those of its log; --replace puts them right")
