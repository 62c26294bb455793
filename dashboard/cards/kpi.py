"""One figure, large, with what it is compared with and how sure that is."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.format import interval, metric, percent, title

Estimate = Mapping[str, Any]
PER_DECISION = ("revenue", "net_value", "reward_cost", "contact_cost")


def kpi(heading: str, value: str, *below: Component, tone: str = "") -> Component:
    """A card; `below` stand under the figure. `tone`: better or worse, a colour at its edge beside what is said."""
    parts = [
        dmc.Text(heading, size="sm", c="dimmed", fw=600),
        dmc.Text(value, className="kpi-value"),
        *below,
    ]
    return dmc.Paper(
        dmc.Stack(parts, gap=2), withBorder=True, p="md", h="100%", className=f"kpi kpi-{tone}" if tone else "kpi"
    )


def tone_of(estimate: Estimate) -> str:
    """better or worse, where the whole interval is on one side of zero."""
    lower, upper = estimate.get("lower"), estimate.get("upper")
    return "better" if lower is not None and lower > 0 else "worse" if upper is not None and upper < 0 else ""


def metric_kpi(
    name: str, currency: str, estimate: Estimate, lift: Mapping[str, Any] | None, control: str, before: Estimate | None
) -> Component:
    """A metric of a variant: its value and interval, its lift over the control, its change since the period before."""
    below = [dmc.Text(f"95 %: {interval(name, estimate, currency)}", size="xs", c="dimmed", className="number")]
    if lift is not None:
        below.append(lift_line(lift, control))
    if before is not None:
        below.append(change_line(name, currency, estimate.get("value"), before.get("value")))
    tone = tone_of((lift or {}).get("relative") or {})
    return kpi(_heading(name), metric(name, estimate.get("value"), currency), *below, tone=tone)


def _heading(name: str) -> str:
    return f"{title(name)} per decision" if name in PER_DECISION else title(name)


def lift_line(lift: Mapping[str, Any], control: str) -> Component:
    """The lift over the control in words; nothing is called better or worse whose interval holds zero."""
    relative = lift.get("relative") or {}
    value, lower, upper = relative.get("value"), relative.get("lower"), relative.get("upper")
    if value is None or lower is None or upper is None:
        return dmc.Text(f"Against {control}: {lift.get('note') or 'not known yet'}", size="xs", className="unsure")
    kind, word = ("better", "▲") if lower > 0 else ("worse", "▼") if upper < 0 else ("unsure", "≈")
    told = f"{word} {percent(value, signed=True)} against {control}"
    bounds = f"{percent(lower, signed=True)} to {percent(upper, signed=True)}"
    sure = "" if kind != "unsure" else ": could be either way"
    return dmc.Stack(
        [
            dmc.Text(told, size="sm", className=f"{kind} number", fw=600),
            dmc.Text(f"{bounds}{sure}", size="xs", c="dimmed", className="number"),
        ],
        gap=0,
    )


def change_line(name: str, currency: str, value: float | None, before: float | None) -> Component:
    """The change since the period before; where there was nothing before, it is new."""
    if value is None or before is None:
        return dmc.Text("Period before: nothing to compare", size="xs", c="dimmed")
    if before == 0:
        return dmc.Text("New: zero in the period before", size="xs", c="dimmed")
    change = percent((value - before) / abs(before), signed=True)
    return dmc.Text(f"{change} since the period before ({metric(name, before, currency)})", size="xs", c="dimmed")
