"""A readout for people: verdict and checks first, then lifts, then segments."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.console import Paper
from cli.tables import Sheet

Json = Mapping[str, Any]

MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "too_few": "·"}

RATIOS = {
    "roi": "ROI",
    "incremental_roi": "incremental ROI",
    "cost_per_incremental": "cost per incremental re-engaged unit",
}
"""Of an arm's money, and what people call them."""


def told_verdict(verdict: Json) -> Text:
    """The word and why; what is over without an answer cannot be kept running."""
    word, _, rest = str(verdict["reason"]).partition(": ")
    if word != "undecided":
        word, rest = verdict["word"], verdict["reason"]
    return Text.assemble((word, "bold"), f": {rest}")


def show(document: Json, console: Console | None = None) -> None:
    """Print the readout."""
    console = console or Paper()
    verdict = document["verdict"]
    console.print(f"{document['log']['name']}: {document['n']:,} decisions, against {document['control']}")
    console.print(told_verdict(verdict))
    for check in document["checks"]:
        p_value = "" if check["p_value"] is None else f", p {check['p_value']:.3g}"
        console.print(f"{MARKS[check['status']]} {check['name']}{p_value}: {check['detail']}")
    for note in document["notes"]:
        console.print(f"· {note}")
    for sentence in populations(document):
        console.print(sentence)
    for metric in next(iter(document["arms"].values()))["metrics"]:
        console.print(metric_table(document, metric))
        means = {f"mean of {key}": arm["metrics"][metric] for key, arm in document["arms"].items()}
        lifts = {key: arm["lift"][metric] for key, arm in document["arms"].items() if "lift" in arm}
        for why in whys(means | lifts):
            console.print(why)
    if document["best"]:
        chances = ", ".join(f"{arm} {found['probability']:.1%}" for arm, found in document["best"].items())
        console.print(f"probability of being the best arm ({document['objective']}): {chances}")
    if any("money" in arm for arm in document["arms"].values()):
        console.print(money_table(document))
        for why in whys(money_ratios(document)):
            console.print(why)
    if document["between"]:
        console.print(contrast_table(f"{document['objective']}, arms with each other", document["between"]))
    if document["event_types"]:
        console.print(contrast_table(f"{document['objective']} by event type", document["event_types"]))
    for name, found in document["segments"].items():
        console.print(segment_table(document["objective"], name, found))
        lifts = {f"{value}, {arm}": one for value, each in found["lift"].items() for arm, one in each.items()}
        for why in whys(lifts):
            console.print(why)


def metric_table(document: Json, metric: str) -> Sheet:
    """Every arm's mean and lift of one metric."""
    table = titled(metric, "arm", "n", "mean", "lift", "relative", "p", "p adjusted")
    for key, arm in document["arms"].items():
        lift = arm.get("lift", {}).get(metric)
        cells = ["", "", "", ""] if lift is None else lift_cells(lift)
        table.add_row(key, f"{arm['n']:,}", interval(arm["metrics"][metric]), *cells)
    return table


def populations(document: Json) -> list[str]:
    """Over whom each arm's mean is, where that is not everybody."""
    found = {key: arm["over"] for key, arm in document["arms"].items() if arm["over"] != "all rows"}
    return [f"{key}: mean over {words}" for key, words in found.items()]


def whys(contrasts: Json) -> list[str]:
    """What is to be known of contrasts and means beside their numbers, each sentence once."""
    found: dict[str, list[str]] = {}
    for name, contrast in contrasts.items():
        if contrast.get("note"):
            found.setdefault(contrast["note"], []).append(name)
    return [f"  {', '.join(names)}: {note}" for note, names in found.items()]


def money_table(document: Json) -> Sheet:
    """What every arm cost and earned beyond the control."""
    table = titled("money", "arm", "net value", *RATIOS.values())
    for key, arm in document["arms"].items():
        money = arm.get("money")
        if money:
            cells = ["" if money[ratio] is None else interval(money[ratio]) for ratio in RATIOS]
            table.add_row(key, f"{money['totals']['net_value']:,.2f}", *cells)
    return table


def money_ratios(document: Json) -> dict[str, Json]:
    """Every arm's ratios, named."""
    known = {key: arm["money"] for key, arm in document["arms"].items() if arm.get("money")}
    return {
        f"{said} of {key}": money[ratio]
        for ratio, said in RATIOS.items()
        for key, money in known.items()
        if money[ratio]
    }


def contrast_table(title: str, contrasts: Json) -> Sheet:
    """Contrasts by name."""
    table = titled(title, "", "difference", "relative", "p", "p adjusted")
    for name, contrast in contrasts.items():
        table.add_row(name, *lift_cells(contrast))
    return table


def segment_table(objective: str, name: str, found: Json) -> Sheet:
    """Lifts by segment, and whether they differ at all."""
    differ = ", ".join(f"{arm}: p {p_value(test['p_value'])}" for arm, test in found["differ"].items())
    title = f"{objective} by {name}; do segments differ? {differ}"
    table = titled(title, name, "arm", "lift", "relative", "p", "common rows")
    for value, contrasts in found["lift"].items():
        for arm, contrast in contrasts.items():
            share = contrast["common_share"]
            table.add_row(value, arm, *lift_cells(contrast)[:3], "?" if share is None else f"{share:.1%}")
    return table


def interval(estimate: Json, scale: float = 1.0, sign: str = "") -> str:
    """`0.183 [0.178, 0.188]`; an unbounded side shows as ∞."""
    if estimate["value"] is None:
        return "–"
    if estimate["lower"] is None and estimate["upper"] is None:
        return f"{estimate['value'] * scale:{sign}.4g} (no bounds)"
    low, high = (
        infinity if bound is None else f"{bound * scale:{sign}.4g}"
        for bound, infinity in ((estimate["lower"], "-∞"), (estimate["upper"], "∞"))
    )
    return f"{estimate['value'] * scale:{sign}.4g} [{low}, {high}]"


def lift_cells(contrast: Json) -> list[str]:
    """Difference, relative lift in per cent, p-value, adjusted p-value."""
    relative = interval(contrast["relative"], 100.0, "+")
    cells = [interval(contrast["absolute"], 1.0, "+"), f"{relative} %" if relative != "–" else relative]
    return [*cells, p_value(contrast["p_value"]), p_value(contrast.get("p_adjusted"))]


def p_value(value: float | None) -> str:
    """Three digits; – where there is none."""
    return "–" if value is None else f"{value:.3g}"


def titled(title: str, *columns: str) -> Sheet:
    """An empty table: the first column to the left, numbers to the right."""
    return Sheet(title, columns)
