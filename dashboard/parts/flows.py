"""What flows through a campaign: users, money, decisions that mature."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.cards.empty import no_campaign
from dashboard.cards.reasons import Reasons
from dashboard.cards.table import table
from dashboard.charts.bars import days, meter, steps
from dashboard.charts.graph import graph
from dashboard.data import results
from dashboard.format import interval, moment, money, number, percent, title
from dashboard.page import Drawn, View
from dashboard.parts.comparing import treated, waiting

RETURNS = ("roi", "incremental_roi", "capped.incremental_roi")
FUNNEL = ("delivered", "view", "click", "session", "participation", "conversion", "reward_redeemed")


def funnel(view: View) -> Drawn:
    """From decision to conversion, of the treated variant."""
    document = results.results(view)
    if document is None:
        return Drawn(no_campaign())
    key = treated(document)
    if key is None or not document["variants"][key]["decisions"]:
        return Drawn(waiting(document), [])
    variant = document["variants"][key]
    reached = [(name, variant["metrics"][name]["value"]) for name in FUNNEL if name in variant["metrics"]]
    names = ["Decided", *(title(name) for name, _ in reached)]
    counts = [float(variant["decisions"]), *((value or 0.0) * variant["decisions"] for _, value in reached)]
    rows = [{"step": name, "decisions": round(count)} for name, count in zip(names, counts, strict=True)]
    return Drawn(graph(steps(names, counts), f"Steps of {number(counts[0])} decisions of {key}."), rows)


def spend(view: View) -> Drawn:
    """Money in and out of every variant, and the budget where there is one."""
    document, definition = results.results(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    currency, reasons = definition["currency"], Reasons()
    names = ("revenue", "reward_cost", "contact_cost", "net_value")
    rows = [
        {
            "variant": key,
            **{name: money(one.get(name), currency) for name in names},
            **{name: _return(found, reasons) for name, found in _returns(one).items()},
        }
        for key, one in document["money"].items()
        if isinstance(one, dict)
    ]
    columns = {"variant": "Variant", **{name: f"{title(name)} #" for name in (*names, *RETURNS)}}
    if not any(row["capped.incremental_roi"] for row in rows):
        columns.pop("capped.incremental_roi")
    parts: list[Component] = [table(columns, rows, "Money by variant", 760), *reasons.below()]
    budget = results.spending(view)
    if budget is not None:
        parts.insert(0, _budget(budget, currency))
    return Drawn(dmc.Stack(parts), reasons.spelled(rows))


def _returns(earned: Mapping[str, Any]) -> dict[str, Mapping[str, Any] | None]:
    """By the names in RETURNS."""
    capped = earned.get("capped") or {}
    return dict(
        zip(RETURNS, (earned.get("roi"), earned.get("incremental_roi"), capped.get("incremental_roi")), strict=True)
    )


def _return(found: Mapping[str, Any] | None, reasons: Reasons) -> str:
    """A return with its interval, or the number of the reason why it has none; nothing where it is not asked for."""
    if not found:
        return ""
    known = found.get("lower") is not None or found.get("upper") is not None
    return reasons.beside(percent(found["value"]) + (f" ({interval('share', found)})" if known else ""), found)


def _budget(budget: Mapping[str, Any], currency: str) -> Component:
    paid, committed, amount = budget["realised"], budget["committed"], budget["amount"]
    bar = meter([("paid", paid), ("committed, not due yet", max(committed - paid, 0.0))], amount, currency)
    ends = budget.get("depletes_at")
    when = ends.get("value") if isinstance(ends, dict) else ends
    told = f"{money(committed, currency)} of {money(amount, currency)} committed, {money(paid, currency)} paid."
    forecast = f"At this pace spent by {moment(when)}." if when else "At this pace it lasts to the end."
    if budget["depleted"]:
        forecast = "It is spent: only what costs nothing is given until decisions give some of it back."
    return dmc.Stack([graph(bar, told), dmc.Text(f"{told} {forecast}", size="sm")], gap=4)


def maturing(view: View) -> Drawn:
    """What is still open, and when it will count."""
    document = results.results(view)
    if document is None:
        return Drawn(no_campaign())
    maturity, counts = document.get("maturity") or {}, document["counts"]
    listed = maturity.get("by_day", [])
    told = (
        f"{number(counts['matured'])} matured, {number(maturity.get('open', 0))} open, {number(counts['void'])} void."
    )
    if not listed:
        return Drawn(dmc.Text(f"{told} Nothing is open.", size="sm"), [])
    figure = days([one["day"] for one in listed], [one["decisions"] for one in listed], "decisions that mature")
    return Drawn(dmc.Stack([dmc.Text(told, size="sm"), graph(figure, told)]), listed)
