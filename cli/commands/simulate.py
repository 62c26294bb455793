"""`winback simulate`: policies in worlds with known truth."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import emit_json, progress, say

DEFAULT_POLICIES = ("uniform", "squarecb", "epsilon_greedy", "linucb", "linear_thompson", "thompson")


def simulate(
    policy: Annotated[
        list[str] | None, typer.Option(help="A policy of the service by name; several may be given.")
    ] = None,
    environment: Annotated[list[str] | None, typer.Option(help="A world by name; all of them.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Worlds drawn of each kind.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Decisions in each world.")] = 2000,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one for each core.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the table, the numbers and the picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Let policies play campaigns whose truth is known: regret against the best policy, with an interval."""
    from offline_eval.simulation.report import as_json as document
    from offline_eval.simulation.report import draw, markdown
    from offline_eval.simulation.simulate import simulate as play_all

    policies = list(dict.fromkeys(policy or DEFAULT_POLICIES))
    environments = _environments(environment)
    _check(policies)
    with progress("simulating", len(policies) * len(environments) * seeds) as advance:
        outcomes = play_all(policies, environments, seeds, rounds, workers, lambda: advance(1))
    result, text = document(outcomes, rounds, seeds), markdown(outcomes, rounds, seeds)
    if out is not None:
        import msgspec

        out.mkdir(parents=True, exist_ok=True)
        (out / "simulation.json").write_bytes(msgspec.json.encode(result))
        (out / "simulation.md").write_text(text)
        draw(outcomes, out / "simulation.png")
    if as_json:
        emit_json(result)
    else:
        say(text)


def _environments(wanted: list[str] | None) -> list[str]:
    from cli.errors import CallError
    from offline_eval.simulation import ENVIRONMENTS

    for name in wanted or ():
        if name not in ENVIRONMENTS:
            raise CallError(f"unknown environment '{name}'; known: {', '.join(ENVIRONMENTS)}")
    return list(dict.fromkeys(wanted or ENVIRONMENTS))


def _check(policies: list[str]) -> None:
    """Raise PolicySpecError where a policy cannot be built from its name alone."""
    from bandit.policies import build
    from bandit.rounds import FeatureSpec, PolicySpec

    for name in policies:
        build(PolicySpec(name), FeatureSpec())
