"""`winback readout`: every arm of a log against the control, or a running experiment's readout."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json


def readout(
    log: Annotated[
        Path, typer.Argument(metavar="LOG|EXPERIMENT", help="CSV or Parquet of past decisions, or an experiment's key.")
    ],
    spec: Annotated[Path | None, typer.Option(help="TOML file that says how to read the log.")] = None,
    alpha: Annotated[float, typer.Option(help="One minus the coverage of each interval.", min=1e-6, max=0.5)] = 0.05,
    worthwhile: Annotated[float, typer.Option(help="Least difference of the objective worth having.", min=0.0)] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare every arm of a log with the control: lift by metric, checks first, a verdict in words."""
    from cli.errors import CallError
    from cli.readout_tables import show, show_experiment

    if spec is None and log.exists():
        raise CallError(f"--spec is needed to read the file {log}")
    document = _of_experiment(str(log)) if spec is None else _of_log(log, spec, alpha, worthwhile)
    if as_json:
        emit_json(document)
    elif spec is None:
        show_experiment(document)
    else:
        show(document)


def _of_log(log: Path, spec: Path, alpha: float, worthwhile: float) -> dict[str, Any]:
    from cli.errors import CallError
    from offline_eval.ab.errors import ReadoutError
    from offline_eval.ab.logged.readout import Settings
    from offline_eval.ab.logged.readout import readout as read
    from offline_eval.logs import open_log, read_spec
    from offline_eval.replay import with_propensities

    try:
        return read(with_propensities(open_log(log, read_spec(spec))), Settings(alpha, worthwhile))
    except ReadoutError as error:
        raise CallError(str(error)) from error


def _of_experiment(key: str) -> dict[str, Any]:
    """The very document that the service answers with."""
    from cli.here import service_here
    from experiments.model.principal import SYSTEM
    from experiments.views.readout import readout as view

    with service_here() as service:
        return view(service.engine, SYSTEM, key)
