"""`winback dead-letters …`: messages of the broker that could not be taken."""

from typing import Annotated

import typer

from cli.console import emit_json, say


def show(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List what waits to be mended and replayed, with the reason."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.views.dead_letters import dead_letters
    from experiments.views.paging import Wanted

    with service_here() as service:
        found = dead_letters(service.engine, SYSTEM, Wanted(limit=limit))
    if as_json:
        emit_json(found)
        return
    for each in found["items"]:
        say(f"{each['id']}  {each['died_at']}  {each['stream']}  {each['reason']}\n    {each['body'][:200]}")
    say(f"{len(found['items'])} dead letter(s){' and more' if found['next_cursor'] else ''}.")


def replay(
    number: Annotated[list[int] | None, typer.Option("--id", help="Which; repeatable.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put messages back into the streams that they came from."""
    from cli.errors import CallError
    from cli.here import service_here
    from experiments.ingestion.replaying import replay as send_again
    from experiments.model.access.principal import SYSTEM

    if bool(number) == everything:
        raise CallError("say which: --id NUMBER (repeatable) or --all")
    with service_here() as service:
        replayed = send_again(service.settings, service.engine, SYSTEM, None if everything else number)
    if as_json:
        emit_json({"replayed": replayed})
    else:
        say(f"{replayed} message(s) put back.")
