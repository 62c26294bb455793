"""`winback plan`: what a test takes, or what a bandit would do, before launch."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import emit_json


def plan(
    document: Annotated[
        Path, typer.Argument(help="TOML or JSON file with metric and test, or bandit and arms; or an experiment.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Sample size, power and duration of a fixed test; regret, spend and time to an answer of a bandit."""
    from cli.errors import CallError
    from cli.plan_tables import show
    from offline_eval.planning import PlanError
    from offline_eval.planning import plan as make

    try:
        answer = make(_completed(_read(document)))
    except (PlanError, ValueError) as error:
        raise CallError(str(error)) from error
    if as_json:
        emit_json(answer)
    else:
        show(answer)


def _read(document: Path) -> Any:
    import tomllib

    if document.suffix == ".json":
        return json.loads(document.read_text(encoding="utf-8"))
    with document.open("rb") as file:
        return tomllib.load(file)


def _completed(document: Any) -> Any:
    """What the document leaves to an experiment, from the configured database."""
    if not isinstance(document, dict) or "experiment" not in document:
        return document
    from cli.here import service_here
    from experiments.model.access.principal import SYSTEM
    from experiments.services.planning import completed_plan

    with service_here() as service:
        return completed_plan(service.engine, SYSTEM, document)
