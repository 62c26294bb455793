"""`winback features …`: what decisions know of a unit from its history."""

from typing import Annotated

import typer

from cli.console import emit_json, progress_towards, say


def refresh(
    everyone: Annotated[bool, typer.Option("--all", help="Also units of whom nothing new was heard.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring the features of units up to date with their history now; a worker does so by itself."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.refreshing_features import compact_history, refresh_features

    with service_here() as service, progress_towards("units") as reach:
        folder = service.settings.history_path
        units = refresh_features(
            service.engine, SYSTEM, folder, everyone=everyone, progress=lambda done: reach(done, done)
        )
        rewritten = compact_history(service.engine, folder)
    if as_json:
        emit_json({"units": units, "parts_rewritten": rewritten})
    else:
        say(f"the features of {units:,} units are up to date")


def show(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """The features that rules, contexts and segments may name."""
    from bandit.history import FEATURES, VERSION
    from experiments.model.listing import listed

    if as_json:
        sources = {name: each.sources for name, each in FEATURES.items()}
        emit_json(
            {"version": VERSION, "features": {name: each.meaning for name, each in FEATURES.items()}, "from": sources}
        )
        return
    for name, each in FEATURES.items():
        say(f"{name:<20} {each.meaning} (from {listed(each.sources)})")
