"""`winback readout`: every arm of a log against the control."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import emit_json


def readout(
    log: Annotated[Path, typer.Argument(help="CSV or Parquet file of past decisions.")],
    spec: Annotated[Path, typer.Option(help="TOML file that says how to read it.")],
    alpha: Annotated[float, typer.Option(help="One minus the coverage of each interval.", min=1e-6, max=0.5)] = 0.05,
    worthwhile: Annotated[float, typer.Option(help="Least difference of the objective worth having.", min=0.0)] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare every arm of a log with the control: lift by metric, checks first, a verdict in words."""
    from cli.errors import CallError
    from cli.readout_tables import show
    from offline_eval.ab.errors import ReadoutError
    from offline_eval.ab.logged.readout import Settings
    from offline_eval.ab.logged.readout import readout as read
    from offline_eval.logs import open_log, read_spec
    from offline_eval.replay import with_propensities

    try:
        document = read(with_propensities(open_log(log, read_spec(spec))), Settings(alpha, worthwhile))
    except ReadoutError as error:
        raise CallError(str(error)) from error
    if as_json:
        emit_json(document)
    else:
        show(document)
