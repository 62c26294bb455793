"""`winback plan`: what a test takes, or what a bandit would do, before launch."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import emit_json


def plan(
    document: Annotated[Path, typer.Argument(help="TOML file with [metric] and [test], or [bandit] and [[arms]].")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Sample size, power and duration of a fixed test; regret, spend and time to an answer of a bandit."""
    import tomllib

    from cli.errors import CallError
    from cli.plan_tables import show
    from offline_eval.planning import PlanError
    from offline_eval.planning import plan as make

    try:
        with document.open("rb") as file:
            answer = make(tomllib.load(file))
    except (PlanError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CallError(str(error)) from error
    if as_json:
        emit_json(answer)
    else:
        show(answer)
