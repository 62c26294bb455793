"""One figure, large, with what it is compared with and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.format import in_unit, interval, percent, reason, uncapitalised, why_none
from experiments.model.designing.kinds import CAPPED_METRICS

Estimate = Mapping[str, Any]
Facts = Mapping[str, str]
"""What a document says of a metric: unit, label, better."""


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


def tone_of(estimate: Estimate, better: str = "higher") -> str:
    """better or worse, where the whole interval is on one side of zero."""
    lower, upper = estimate.get("lower"), estimate.get("upper")
    more, less = ("better", "worse") if better == "higher" else ("worse", "better")
    return more if lower is not None and lower > 0 else less if upper is not None and upper < 0 else ""


@dataclass(frozen=True, slots=True)
class Versus:
    """What a metric of a variant is compared with: the control, by `lift`, and the period `before`.

    `cap` says up to what revenue is counted and what lies above it; "" where the campaign has no cap.
    """

    control: str
    lift: Mapping[str, Any] | None = None
    before: Estimate | None = None
    cap: str = ""


def metric_kpi(name: str, facts: Facts, currency: str, estimate: Estimate, versus: Versus) -> Component:
    """A metric of a variant: its value and interval, its lift over the control, its change since the period before."""
    lift, before, unit, better = versus.lift, versus.before, facts["unit"], facts["better"]
    below = [interval_line(unit, estimate, currency)]
    if name in CAPPED_METRICS.values() and versus.cap:
        below.append(dmc.Text(versus.cap, size="xs", c="dimmed"))
    if lift is not None and not (why_not(lift) and why_not(lift) == reason(estimate)):
        below.append(lift_line(lift, versus.control, better))
    if before is not None:
        below.append(change_line(unit, currency, estimate.get("value"), before.get("value")))
    tone = tone_of((lift or {}).get("relative") or {}, better)
    heading = _heading(name, facts, has_cap=bool(versus.cap))
    return kpi(heading, in_unit(unit, estimate.get("value"), currency), *below, tone=tone)


def interval_line(unit: str, estimate: Estimate, currency: str = "") -> Component:
    """The interval, or why there is none."""
    if estimate.get("lower") is None and estimate.get("upper") is None:
        return dmc.Text(why_none(estimate), size="xs", c="dimmed")
    return dmc.Text(f"95 %: {interval(unit, estimate, currency)}", size="xs", c="dimmed", className="number")


def _heading(name: str, facts: Facts, *, has_cap: bool) -> str:
    """Of what; where others are capped, what is not is said to be."""
    told = facts["label"] if facts["unit"] == "share" else f"{facts['label']} per decision"
    return f"{told}, uncapped" if has_cap and name in CAPPED_METRICS else told


def why_not(lift: Mapping[str, Any]) -> str:
    """Why the lift has no interval; what the value says of itself need not be said again."""
    return reason({**(lift.get("relative") or {}), "note": lift.get("note")})


def lift_line(lift: Mapping[str, Any], control: str, better: str = "higher") -> Component:
    """The lift over the control in words; nothing is called better or worse whose interval holds zero."""
    relative = lift.get("relative") or {}
    value, lower, upper = relative.get("value"), relative.get("lower"), relative.get("upper")
    if value is None or lower is None or upper is None:
        why = why_not(lift) or "No comparison."
        return dmc.Text(f"Against {control}: {uncapitalised(why)}", size="xs", className="unsure")
    kind = tone_of(relative, better) or "unsure"
    word = "▲" if lower > 0 else "▼" if upper < 0 else "≈"
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


def change_line(unit: str, currency: str, value: float | None, before: float | None) -> Component:
    """The change since the period before; where there was nothing before, it is new."""
    if value is None or before is None:
        return dmc.Text("Period before: nothing to compare", size="xs", c="dimmed")
    if before == 0:
        return dmc.Text("New: zero in the period before", size="xs", c="dimmed")
    change = percent((value - before) / abs(before), signed=True)
    return dmc.Text(f"{change} since the period before ({in_unit(unit, before, currency)})", size="xs", c="dimmed")
