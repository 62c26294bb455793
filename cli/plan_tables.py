"""A plan for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cli.console import Paper
from cli.readout_tables import interval
from cli.tables import Sheet

Json = Mapping[str, Any]


def show(document: Json, console: Console | None = None) -> None:
    """Print the plan."""
    console = console or Paper()
    if "fixed" in document:
        console.print(fixed_table(document["fixed"]))
        console.print(document["fixed"]["note"])
    if "bandit" in document:
        console.print(bandit_table(document["bandit"]))


def fixed_table(plan: Json) -> Sheet:
    """Sizes, power and duration."""
    table = Sheet(
        "fixed test", ("units", "in each arm", "in the control", "power", "detectable effect", "days", "weeks")
    )
    detectable = "–" if plan["detectable"] is None else f"{plan['detectable']:.4g}"
    duration = ["–" if plan[name] is None else str(plan[name]) for name in ("days", "weeks")]
    sizes = [f"{plan[name]:,}" for name in ("n", "treated", "control")]
    table.add_row(*sizes, f"{plan['power']:.1%}", detectable, *duration)
    return table


def bandit_table(plans: list[Json]) -> Sheet:
    """One line for each policy."""
    table = Sheet("bandit", ("policy", "regret", "spend", "ends with the best arm", "days to separation", "separated"))
    for plan in plans:
        numbers = [interval(plan[name]) for name in ("regret", "spend", "probability_best")]
        days = plan["days_to_separation"]
        table.add_row(plan["policy"], *numbers, "–" if days is None else str(days), f"{plan['separated_share']:.0%}")
    return table
