"""`winback aa`: how often would each test raise a false alarm on an experiment's own units?"""

from typing import Annotated, Any

import typer

from cli.console import emit_json, progress_stages, say
from cli.threads import one_each


def aa(
    experiment: Annotated[str, typer.Argument(help="Key of the experiment.")],
    salts: Annotated[int, typer.Option(help="How often the units are randomised anew.")] = 1000,
    share: Annotated[float, typer.Option(help="Share of the units that each time is treated.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Randomise an experiment's units anew, compare the halves, and count how often each test finds a difference."""
    one_each()
    from cli.here import service_here
    from experiments.services.aa_testing import AaRequest, check, tested

    request = AaRequest(salts, share)
    check(request)
    with service_here() as service, progress_stages() as report:
        result = tested(service.engine, experiment, request, report)
    if as_json:
        emit_json(result)
    else:
        _print(result)


def _print(result: dict[str, Any]) -> None:
    say(f"{result['units']:,} units of {result['experiment']}, randomised {result['salts']:,} times")
    for metric, tests in {**result["metrics"], "checks": result["checks"]}.items():
        for name, found in tests.items():
            bounds = f"{found['lower']:.2%} to {found['upper']:.2%}"
            sound = "as it claims" if found["sound"] else "MORE OFTEN THAN IT CLAIMS"
            say(f"  {metric} {name}: {found['rate']:.2%} ({bounds}), {sound}")
