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
    alpha: Annotated[float, typer.Option(help="Of a log: 1 - coverage of each interval.", min=1e-6, max=0.5)] = 0.05,
    worthwhile: Annotated[float, typer.Option(help="Least difference of the objective worth having.", min=0.0)] = 0.0,
    segment: Annotated[str | None, typer.Option(help="Of an experiment: of this segment alone.")] = None,
    event_type: Annotated[str | None, typer.Option(help="Of an experiment: of this event type alone.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Of an experiment: decided from this hour on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Of an experiment: decided before this hour.")] = None,
    method: Annotated[str | None, typer.Option(help="Of an experiment: how groups are compared.")] = None,
    adjustment: Annotated[str | None, typer.Option(help="Of p-values: benjamini_hochberg or holm.")] = None,
    early: Annotated[bool, typer.Option("--early", help="Of an experiment: what open decisions may come to.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare arms of a log, or variants of an experiment, with the control: verdict and checks first, then lifts."""
    from cli.errors import CallError
    from cli.experiment_readout import show_experiment
    from cli.readout_tables import show

    asked = {"segment": segment, "event_type": event_type, "from": start, "to": end}
    asked |= {"method": method, "adjustment": adjustment, "early": "true" if early else None}
    if spec is None and log.exists():
        raise CallError(f"--spec is needed to read the file {log}")
    if spec is not None and any(asked.values()):
        given = ", ".join(f"--{name}" for name, value in asked.items() if value).replace("_", "-")
        raise CallError(f"{given}: for experiments; a log's readout shows every part by one method")
    asked |= {"worthwhile": str(worthwhile) if worthwhile else None}
    document = _of_experiment(str(log), asked) if spec is None else _of_log(log, spec, alpha, worthwhile)
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

    try:
        return read(open_log(log, read_spec(spec)), Settings(alpha, worthwhile))
    except ReadoutError as error:
        raise CallError(str(error)) from error


def _of_experiment(key: str, asked: dict[str, str | None]) -> dict[str, Any]:
    """The very document that the service answers with; from the rounds where its totals cannot tell."""
    from cli.errors import CallError
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.views.readout import asked as question
    from experiments.views.readout import readout as view
    from experiments.views.readout import readout_from_rounds
    from offline_eval.ab.bucketed_methods import FROM_ROUNDS

    rest = ", ".join(f"--{name}" for name, value in asked.items() if value and name != "method").replace("_", "-")
    if asked["method"] in FROM_ROUNDS and rest:
        raise CallError(f"{rest}: --method {asked['method']} reads every round, of the whole experiment")
    with service_here() as service:
        if asked["method"] in FROM_ROUNDS:
            return readout_from_rounds(service.engine, SYSTEM, key, str(asked["method"]))
        return view(service.engine, SYSTEM, key, question(asked))
