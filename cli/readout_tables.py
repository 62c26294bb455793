"""A readout for people: verdict and checks first, then lifts, then segments."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Json = Mapping[str, Any]

MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "too_few": "·"}


def show(document: Json, console: Console | None = None) -> None:
    """Print the readout."""
    console = console or Console()
    verdict = document["verdict"]
    console.print(f"{document['log']['name']}: {document['n']:,} decisions, against {document['control']}")
    console.print(f"[bold]{verdict['word']}[/bold]: {verdict['reason']}", highlight=False)
    for check in document["checks"]:
        p_value = "" if check["p_value"] is None else f", p {check['p_value']:.3g}"
        console.print(f"{MARKS[check['status']]} {check['name']}{p_value}: {check['detail']}", highlight=False)
    for metric in next(iter(document["arms"].values()))["metrics"]:
        console.print(metric_table(document, metric))
    if document["best"]:
        chances = ", ".join(f"{arm} {found['probability']:.1%}" for arm, found in document["best"].items())
        console.print(f"probability of being the best arm ({document['objective']}): {chances}", highlight=False)
    if any("money" in arm for arm in document["arms"].values()):
        console.print(money_table(document))
    if document["between"]:
        console.print(contrast_table(f"{document['objective']}, arms with each other", document["between"]))
    if document["event_types"]:
        console.print(contrast_table(f"{document['objective']} by event type", document["event_types"]))
    for name, found in document["segments"].items():
        console.print(segment_table(document["objective"], name, found))


def show_experiment(document: Json, console: Console | None = None) -> None:
    """Print a running experiment's readout."""
    console = console or Console()
    counts, verdict = document["counts"], document["verdict"]
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count is not None)
    console.print(f"{document['experiment']}, revision {document['revision']}: {told}")
    console.print(f"[bold]{verdict['word']}[/bold]: {verdict['reason']}", highlight=False)
    for check in document["checks"]:
        console.print(f"{MARKS[check['status']]} {check['name']}: {check['detail']}", highlight=False)
    console.print(group_table("variants, on intention to treat", document["variants"]))
    console.print(group_table("arms, plain means (biased where a bandit moved the shares)", document["arms"]))


def group_table(title: str, groups: Json) -> Table:
    """Means by metric and, below it, by variant or arm: a line for each fits a narrow terminal.

    An arm's metric holds its plain mean as `naive`.
    """
    metrics = list(dict.fromkeys(metric for group in groups.values() for metric in group["metrics"]))
    table = _table(title, "metric", "", "units", "decisions", "mean")
    for metric in metrics:
        table.add_section()
        shown = {key: group for key, group in groups.items() if group["metrics"].get(metric) is not None}
        for place, (key, group) in enumerate(shown.items()):
            mean = group["metrics"][metric]
            counts = f"{group['units']:,}", f"{group['decisions']:,}"
            table.add_row("" if place else metric, key, *counts, interval(mean.get("naive", mean)))
    return table


def metric_table(document: Json, metric: str) -> Table:
    """Every arm's mean and lift of one metric."""
    table = _table(metric, "arm", "n", "mean", "lift", "relative", "p", "p adjusted")
    for key, arm in document["arms"].items():
        lift = arm.get("lift", {}).get(metric)
        cells = ["", "", "", ""] if lift is None else _lift(lift)
        table.add_row(key, f"{arm['n']:,}", interval(arm["metrics"][metric]), *cells)
    return table


def money_table(document: Json) -> Table:
    """What every arm cost and earned beyond the control."""
    table = _table("money", "arm", "net value", "ROI", "incremental ROI", "cost per incremental re-engaged unit")
    for key, arm in document["arms"].items():
        money = arm.get("money")
        if money:
            ratios = (money["roi"], money["incremental_roi"], money["cost_per_incremental"])
            cells = ["" if ratio is None else ratio["note"] or interval(ratio) for ratio in ratios]
            table.add_row(key, f"{money['totals']['net_value']:,.2f}", *cells)
    return table


def contrast_table(title: str, contrasts: Json) -> Table:
    """Contrasts by name."""
    table = _table(title, "", "difference", "relative", "p", "p adjusted")
    for name, contrast in contrasts.items():
        table.add_row(name, *_lift(contrast))
    return table


def segment_table(objective: str, name: str, found: Json) -> Table:
    """Lifts by segment, and whether they differ at all."""
    differ = ", ".join(f"{arm}: p {_p(test['p_value'])}" for arm, test in found["differ"].items())
    table = _table(f"{objective} by {name}; do segments differ? {differ}", name, "arm", "lift", "relative", "p")
    for value, contrasts in found["lift"].items():
        for arm, contrast in contrasts.items():
            table.add_row(value, arm, *_lift(contrast)[:3])
    return table


def interval(estimate: Json, scale: float = 1.0, sign: str = "") -> str:
    """`0.183 [0.178, 0.188]`; an unbounded side shows as ∞."""
    if estimate["value"] is None:
        return "–"
    low, high = (
        infinity if bound is None else f"{bound * scale:{sign}.4g}"
        for bound, infinity in ((estimate["lower"], "-∞"), (estimate["upper"], "∞"))
    )
    return f"{estimate['value'] * scale:{sign}.4g} [{low}, {high}]"


def _lift(contrast: Json) -> list[str]:
    relative = interval(contrast["relative"], 100.0, "+")
    cells = [interval(contrast["absolute"], 1.0, "+"), f"{relative} %" if relative != "–" else relative]
    return [*cells, _p(contrast["p_value"]), _p(contrast.get("p_adjusted"))]


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table
