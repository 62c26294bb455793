"""`winback drive`: play a randomised log through the HTTP API."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json, say
from cli.threads import one_each


def drive(
    log: Annotated[Path, typer.Argument(help="CSV or Parquet file of past decisions.")],
    spec: Annotated[Path, typer.Option(help="TOML file that says how to read it.")],
    policy: Annotated[str | None, typer.Option(help="A policy by name, fixed:<arm> or rules.")] = None,
    seed: Annotated[str, typer.Option(help="A seed, or a range of them: 1..10.")] = "1",
    url: Annotated[str | None, typer.Option(help="A running service; without it a temporary one is started.")] = None,
    key: Annotated[str, typer.Option(envvar="WINBACK_KEY", help="API key for --url, scope admin.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Play a randomised log through the real HTTP API, so that a policy learns as it would have live."""
    one_each()
    from cli.driving.drive import Service, drive_seeds, summary
    from cli.driving.seeds import parse_seeds
    from cli.driving.table import HEADER, cells, conclusion, plain
    from cli.errors import CallError, JobError

    if url and not key:
        raise CallError("--url needs --key (or WINBACK_KEY); make one with: winback key create --scope admin")
    documents: list[dict[str, Any]] = []
    for document in drive_seeds(log, spec, policy, parse_seeds(seed), Service(url, key)):
        if not as_json:
            say(plain(cells(document)) if documents else f"{plain(HEADER)}\n{plain(cells(document))}")
        documents.append(document)
    if as_json:
        emit_json(summary(documents))
    else:
        say(conclusion(documents))
    different = sum(document["verified"]["different"] for document in documents)
    if different:
        raise JobError(f"{different} decisions could not be derived again; look at them with: winback verify")
