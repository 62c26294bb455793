"""An experiment's readout for people: verdict and checks first, then lifts, parts and money."""

from collections.abc import Callable
from functools import partial

from rich.console import Console

from cli.console import Paper
from cli.footnotes import Footnotes
from cli.readout_tables import MARKS, Json, interval, lift_cells, p_value, titled, told_verdict
from cli.tables import Sheet


def show_experiment(document: Json, console: Console | None = None) -> None:
    """Print it."""
    console = console or Paper()
    _head(document, console)
    variants, arms = document["variants"], document["arms"]
    _noted(console, partial(group_table, "variants, on intention to treat", variants))
    if any(variant["versus"] for variant in variants.values()):
        _noted(console, partial(versus_table, document))
    if any(told.get("incremental") for name, told in document["money"].items() if name != "currency"):
        _noted(console, partial(money_table, document))
    for name in ("segments", "event_types"):
        if any(part["versus"] for part in document[name].values()):
            _parts(document, name, console)
    _noted(console, partial(group_table, "arms, plain means (biased where a bandit moved the shares)", arms))
    if any(arm["versus"] for arm in arms.values()):
        _noted(console, partial(arm_table, document))


def _noted(console: Console, drawn: Callable[[Footnotes], Sheet]) -> None:
    """A table, and below it why bounds are missing in it."""
    feet = Footnotes()
    console.print(drawn(feet))
    for line in feet:
        console.print(line)


def _head(document: Json, console: Console) -> None:
    counts, verdict = document["counts"], document["verdict"]
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count is not None)
    console.print(f"{document['experiment']}, revision {document['revision']}, {document['status']}: {told}")
    console.print(told_verdict(verdict))
    _estimand(document["estimand"], console)
    for check in document["checks"]:
        console.print(f"{MARKS[check['status']]} {check['name']}: {check['detail']}")
    for note in document["notes"]:
        console.print(f"note: {note}")
    maturing = ", ".join(f"{day['day']} {day['decisions']:,}" for day in document["maturity"]["by_day"])
    if maturing:
        console.print(f"open decisions mature on: {maturing}")
    early = document["maturity"]["early"] or {"note": "", "variants": {}}
    if early["note"]:
        console.print(f"early: {early['note']}")
    for key, one in early["variants"].items():
        told = f"early, {key}: {interval(one['rate'])}, {one['open']:,} open; {one['note']}"
        console.print(told)


def _estimand(told: Json, console: Console) -> None:
    """What is judged, and which share of revenue that leaves out."""
    above = ", ".join(f"{key} {share:.1%}" for key, share in told["above_cap"].items() if share is not None)
    console.print(f"judged: {told['words']}{f'; revenue above the cap: {above}' if above else ''}")
    if told["cap_origin"]:
        console.print(f"the cap was proposed from {told['cap_origin']} and taken at the start")
    if told["note"]:
        console.print(f"note: {told['note']}")


def group_table(title: str, groups: Json, feet: Footnotes) -> Sheet:
    """Means by metric and, below it, by variant or arm: a line for each fits a narrow terminal.

    An arm's metric holds its plain mean as `naive`.
    """
    metrics = list(dict.fromkeys(metric for group in groups.values() for metric in group["metrics"]))
    table = titled(title, "metric", "", "units", "decisions", "mean")
    for metric in metrics:
        table.add_section()
        shown = {key: group for key, group in groups.items() if group["metrics"].get(metric) is not None}
        for place, (key, group) in enumerate(shown.items()):
            mean = group["metrics"][metric]
            plain = mean.get("naive", mean)
            counts = f"{group['units']:,}", f"{group['decisions']:,}"
            shown_mean = "–" if plain is None else feet.beside(interval(plain), plain.get("note"))
            table.add_row("" if place else metric, key, *counts, shown_mean)
    return table


def versus_table(document: Json, feet: Footnotes) -> Sheet:
    """Every variant's lift of every metric over the control."""
    table = titled(f"against {document['control']}, {document['method']}", "metric", "", "difference", "relative", "p")
    for key, variant in document["variants"].items():
        for contrasts in variant["versus"].values():
            table.add_section()
            for metric, contrast in contrasts.items():
                table.add_row(metric, key, *feet.where_bounds_miss(lift_cells(contrast)[:3], contrast.get("note")))
    return table


def money_table(document: Json, feet: Footnotes) -> Sheet:
    """What every variant earned beyond the control."""
    title = f"money in {document['money']['currency']}"
    capped = any(told["capped"] for key, told in document["money"].items() if key != "currency")
    last = ("incremental ROI up to the cap",) if capped else ()
    columns = ("net value", "ROI", "incremental ROI", "cost per added re-engagement", *last)
    table = titled(title, "variant", *columns)
    for key, told in document["money"].items():
        if key == "currency":
            continue
        ratios = [told["roi"], told.get("incremental_roi"), told.get("cost_per_incremental")]
        ratios += [(told["capped"] or {}).get("incremental_roi")] if capped else []
        cells = ["" if ratio is None else feet.beside(interval(ratio), ratio["note"]) for ratio in ratios]
        table.add_row(key, f"{told['net_value']:,.2f}", *cells)
    return table


def arm_table(document: Json, feet: Footnotes) -> Sheet:
    """Arms against the control arm where both were eligible, valid though the policy moved the traffic."""
    table = titled("arms, adjusted for the policy", "arm", "metric", "difference", "p", "both eligible")
    for key, arm in document["arms"].items():
        for contrasts in arm["versus"].values():
            for metric, contrast in contrasts.items():
                share = "–" if arm["eligible_share"] is None else f"{arm['eligible_share']:.1%}"
                difference = interval(contrast["absolute"], 1.0, "+")
                cells = *feet.where_bounds_miss([difference], contrast.get("note")), p_value(contrast["p_value"])
                table.add_row(key, metric, *cells, share)
    return table


def _parts(document: Json, name: str, console: Console) -> None:
    """First whether parts differ at all, then the objective's lifts."""
    metric = document["estimand"]["metric"]
    for key, tests in document["differ"][name].items():
        console.print(f"{key}, {metric}: {tests[metric]['said']}")
    _noted(console, partial(_part_table, document, name, metric))


def _part_table(document: Json, name: str, metric: str, feet: Footnotes) -> Sheet:
    columns = ("variant", "difference", "relative", "p", "p adjusted")
    table = titled(f"{metric} by {name.removesuffix('s').replace('_', ' ')}", "", *columns)
    for part, told in document[name].items():
        for key, contrasts in told["versus"].items():
            cells = lift_cells(contrasts[metric])
            table.add_row(part, key, *feet.where_bounds_miss(cells, contrasts[metric].get("note")))
    return table
