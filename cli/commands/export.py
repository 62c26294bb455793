"""`winback export`: an experiment's log as files."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import emit_json, progress_towards, say


def export(
    experiment: Annotated[str, typer.Argument(help="Key of the experiment.")],
    folder: Annotated[Path, typer.Argument(help="An empty folder, or one that does not exist yet.")],
    layout: Annotated[str, typer.Option("--format", help="parquet (with spec), dsjson or open_bandit.")] = "parquet",
    variant: Annotated[
        list[str] | None, typer.Option(help="Variants whose rounds to export; by default all whose policy draws.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the matured decisions of an experiment so that offline commands, and other tools, can read them.

    parquet: `log` with `spec.toml` judges other policies (variants whose policy draws); `campaign` with `lift.toml`
    holds every variant and proves their lift over the control.
    """
    from cli.errors import CallError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.views.exports import EXPORTS, write_campaign
    from experiments.views.exports.live_log import Chosen, live_log

    if layout not in EXPORTS:
        raise CallError(f"--format {layout}: must be one of {', '.join(EXPORTS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CallError(f"{folder} is not an empty folder; name one that does not exist yet")
    with service_here() as service, progress_towards("exporting") as reach:
        log = live_log(service.engine, SYSTEM, experiment, Chosen(variants=variant))
        campaign: dict[str, int] = {}
        left_out = log.left_out
        files = EXPORTS[layout](log, folder, lambda done: reach(done, log.rows))
        if layout == "parquet":
            whole = live_log(service.engine, SYSTEM, experiment, Chosen(everybody=True))
            files += write_campaign(whole, folder, lambda done: reach(done, whole.rows))
            campaign, left_out = {"campaign_rows": whole.rows}, whole.left_out
    if as_json:
        counts = {"rows": log.rows, **campaign, "left_out": left_out}
        emit_json({"experiment": experiment, **counts, "files": [str(path) for path in files]})
        return
    drawn = ", ".join(log.extent.variants)
    say(f"{log.rows:,} matured decisions of {experiment} ({drawn}) in {folder}, without voided and forced ones")
    if left_out:
        say(f"Left out are {left_out:,} decisions of revisions without cap_revenue: verdicts are about capped money")
    if campaign:
        say(f"{campaign['campaign_rows']:,} matured decisions of all variants in {folder / 'campaign'}, voided too")
        say(f"Judge other policies with: winback replay {folder / 'log'} --spec {folder / 'spec.toml'}")
        say(f"Prove the variants' lift with: winback readout {folder / 'campaign'} --spec {folder / 'lift.toml'}")
