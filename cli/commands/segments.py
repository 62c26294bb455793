"""`winback segments …`: who is inactive, and how the groups change."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json, progress_towards, say


def refresh(
    key: Annotated[str | None, typer.Argument(help="One segment; by default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Refresh segments here and now, instead of waiting for the worker."""
    from cli.errors import JobError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.segmenting.refreshing import claim_refresh
    from experiments.services.segmenting.refreshing import refresh as carry_out
    from experiments.views.units import segments as views

    shown = []
    with service_here() as service:
        engine, folder = service.engine, service.settings.history_path
        keys = [key] if key else [each["key"] for each in _all(engine)]
        for name in keys:
            views.segment(engine, SYSTEM, name)
            claim = claim_refresh(engine, name)
            if claim is None:
                raise JobError(f"{name} is being refreshed by another process")
            with progress_towards(f"refreshing {name}") as reach:
                carry_out(engine, folder, claim, reach)
            shown.append(views.segment(engine, SYSTEM, name))
    _print(shown, as_json)


def show(
    key: Annotated[str | None, typer.Argument(help="One segment with its flow; by default all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Sizes, flow and drift of segments as of their last refresh."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.views.units import segments as views

    with service_here() as service:
        shown = [views.segment(service.engine, SYSTEM, key)] if key else _all(service.engine)
    _print(shown, as_json)


def load(
    key: Annotated[str, typer.Argument(help="An external segment.")],
    source: Annotated[Path, typer.Argument(help="CSV or Parquet with a column unit_id, and value where wanted.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make the members of an external segment exactly those of a file; who is not in it leaves."""
    from cli.errors import CallError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.segmenting.membership import members_of_file, replace_members

    if not source.exists():
        raise CallError(f"there is no file {source}")
    with service_here() as service, progress_towards(f"loading {key}") as reach:
        folder = service.settings.history_path
        table = members_of_file(source)
        changed = replace_members(service.engine, SYSTEM, key, (folder, table), reach)
    if as_json:
        emit_json({"segment": key, "units": len(table), "changed": changed})
    else:
        say(f"{key}: {len(table):,} units, {changed:,} of them changed, entered or left")


def _all(engine: Any) -> list[dict[str, Any]]:
    from experiments.model.access.principal import SYSTEM
    from experiments.views.paging import MAX_LIMIT, Wanted
    from experiments.views.units.segments import segments

    found: list[dict[str, Any]] = segments(engine, SYSTEM, Wanted(MAX_LIMIT))["items"]
    return found


def _print(shown: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        emit_json({"segments": shown})
        return
    from cli.console import Paper

    console = Paper()
    if not shown:
        say("There are no segments yet; define one with POST /v1/segments.")
    for segment in shown:
        say(_heading(segment))
        for table in _tables(segment):
            console.print(table)
        if segment["error"]:
            say(f"the last refresh failed: {segment['error']}")


def _heading(segment: dict[str, Any]) -> str:
    drift = segment["drift"]
    moved = "" if drift["value"] is None else f", drift {drift['value']:.3f}{' (!)' if drift['drifted'] else ''}"
    when = "never refreshed" if segment["refreshed_at"] is None else f"as of {segment['refreshed_at']}"
    return f"{segment['key']} ({segment['kind']}): {when}{moved}"


def _tables(segment: dict[str, Any]) -> list[Any]:
    from cli.tables import Sheet

    sizes = Sheet("", ("value", "units", "share"))
    for value, count in sorted(segment["sizes"].items()):
        sizes.add_row(value, f"{count:,}", f"{count / max(segment['units'] or 0, 1):.1%}")
    if not segment.get("flow"):
        return [sizes]
    flow = Sheet("moves since the refresh before", ("from", "to", "units"), left=frozenset({0, 1}))
    for move in segment["flow"]:
        flow.add_row(move["from"] or "(outside)", move["to"] or "(outside)", f"{move['units']:,}")
    return [sizes, flow]
