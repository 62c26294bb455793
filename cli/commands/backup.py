"""`winback backup` and `winback restore`: a copy of the whole service, and putting it back."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import emit_json, say


def backup(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder for the backup.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy the database, in one consistent state, and the data directory; the service may go on running."""
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.backing_up.backup import take_backup

    with service_here() as service:
        manifest = take_backup(service.settings, service.engine, SYSTEM, folder)
    size = sum(each.size for each in manifest.files.values())
    if as_json:
        emit_json({"folder": str(folder), "at": manifest.at, "files": len(manifest.files), "bytes": size})
    else:
        say(f"backup of {manifest.at} in {folder}: {len(manifest.files):,} files, {size:,} bytes")


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put the backup in the place of what is there."),
    ] = False,
    erasures: Annotated[
        Path | None, typer.Option(help="A data directory whose list of erased persons counts too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put a backup in the configured place and erase in it who was erased since; nothing may be running there."""
    from experiments.model.access.principal import SYSTEM
    from experiments.services.backing_up.restore import restore_backup
    from experiments.settings import settings

    found = restore_backup(settings(), SYSTEM, folder, replace=replace, erasures=erasures)
    if as_json:
        emit_json({"at": found.manifest.at, "files": len(found.manifest.files), "erased_again": found.erased})
    else:
        say(f"the backup of {found.manifest.at} is in place; {found.erased:,} persons were erased in it again")
