"""Figures over time: values, shares of arms, probability of being best."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from dashboard.theme import LEGEND_BELOW, PALETTE

MOST_POINTS = 2_000
Columns = Mapping[str, Mapping[str, Sequence[float]]]
MOST_ARMS = 8
OPEN = timedelta(days=30)


def rates(at: Sequence[str], groups: Columns, metric: str, unit: str, *, percent: bool) -> go.Figure:
    """A metric per decision by slot of time, a line for each group; slots without decisions are gaps."""
    figure = go.Figure()
    shown = "%{y:.1%}" if percent else "%{y:,.3g}"
    for place, (name, columns) in enumerate(groups.items()):
        decisions = columns.get("decisions", [0.0] * len(at))
        totals = columns.get(metric, [0.0] * len(at))
        values = [total / count if count else None for total, count in zip(totals, decisions, strict=True)]
        figure.add_scatter(
            x=list(at)[-MOST_POINTS:],
            y=values[-MOST_POINTS:],
            mode="lines+markers" if len(at) < 60 else "lines",
            name=name,
            line={"color": PALETTE[place % len(PALETTE)], "width": 2, "dash": ("solid", "dash", "dot")[place % 3]},
            hovertemplate=f"%{{x}}<br>{name}: {shown}<extra></extra>",
        )
    figure.update_layout(
        height=340,
        yaxis={"title": {"text": unit}, "rangemode": "tozero", **({"tickformat": ".0%"} if percent else {})},
        legend=LEGEND_BELOW,
        xaxis=_slots(at),
    )
    return figure


def _slots(at: Sequence[str]) -> dict[str, Any]:
    """An axis of time; a single slot has no scale, only a name."""
    if len(at) != 1:
        return {}
    when = datetime.fromisoformat(at[0].replace("Z", "+00:00"))
    name = f"{when:%d %b %Y, %H:%M}" if when.hour or when.minute else f"{when:%d %b %Y}"
    return {"type": "category", "tickvals": [at[0]], "ticktext": [name]}


def allocation(at: Sequence[str], arms: Columns) -> go.Figure:
    """Share of each arm in the decisions of a slot, stacked; the least used arms together."""
    totals = {arm: sum(columns.get("decisions", ())) for arm, columns in arms.items()}
    kept = sorted(totals, key=lambda arm: -totals[arm])[:MOST_ARMS]
    everyone = [sum(slot) for slot in zip(*(columns["decisions"] for columns in arms.values()), strict=True)]
    figure = go.Figure()
    rest = list(everyone)
    for place, arm in enumerate(kept):
        counts = arms[arm]["decisions"]
        rest = [left - count for left, count in zip(rest, counts, strict=True)]
        _area(figure, at, arm, counts, everyone, PALETTE[place % len(PALETTE)])
    if any(rest):
        _area(figure, at, "others", rest, everyone, "#B0B0B0")
    shares = {"title": {"text": "share of decisions"}, "tickformat": ".0%", "range": [0, 1]}
    figure.update_layout(height=380, yaxis=shares, legend=LEGEND_BELOW, xaxis=_slots(at))
    return figure


def _area(
    figure: go.Figure, at: Sequence[str], name: str, counts: Sequence[float], of: Sequence[float], color: str
) -> None:
    shares = [count / whole if whole else None for count, whole in zip(counts, of, strict=True)]
    figure.add_scatter(
        x=list(at),
        y=shares,
        name=name,
        stackgroup="arms",
        mode="lines" if len(at) > 1 else "lines+markers",
        line={"width": 0.5, "color": color},
        fillcolor=color,
        hovertemplate=f"%{{x}}<br>{name}: %{{y:.1%}}<extra></extra>",
    )


def chances(at: Sequence[str], best: Mapping[str, Sequence[float]]) -> go.Figure:
    """Probability of being the best variant, as the evidence gathered."""
    figure = go.Figure()
    for place, (name, values) in enumerate(best.items()):
        figure.add_scatter(
            x=list(at),
            y=list(values),
            mode="lines+markers" if len(at) < 60 else "lines",
            name=name,
            line={"color": PALETTE[place % len(PALETTE)], "width": 2, "dash": ("solid", "dash", "dot")[place % 3]},
            hovertemplate=f"%{{x}}<br>{name}: %{{y:.1%}}<extra></extra>",
        )
    axis = {"title": {"text": "probability of being best"}, "tickformat": ".0%", "range": [-0.02, 1.02]}
    figure.update_layout(height=380, yaxis=axis, legend=LEGEND_BELOW, xaxis=_slots(at))
    return figure


def within(remarks: Sequence[Mapping[str, Any]], at: Sequence[str]) -> list[Mapping[str, Any]]:
    """The latest nine that fall into the time shown, or into the days after it whose decisions are still open."""
    last = (datetime.fromisoformat(at[-1].replace("Z", "+00:00")) + OPEN).isoformat() if at else ""
    return [remark for remark in remarks if at and at[0][:10] <= remark["at"][:10] <= last[:10]][-9:]


def annotate(figure: go.Figure, remarks: Sequence[Mapping[str, Any]], at: Sequence[str]) -> go.Figure:
    """Mark what was done or happened within the time shown; numbers point to the list below the figure."""
    if not at:
        return figure
    inside = within(remarks, at)
    marks: dict[str, list[int]] = {}
    for number, remark in enumerate(inside, 1):
        marks.setdefault(remark["at"][:13], []).append(number)
    for numbers in marks.values():
        when, shown = inside[numbers[0] - 1]["at"], "–".join(str(one) for one in sorted({numbers[0], numbers[-1]}))
        figure.add_vline(x=when, line_width=1, line_dash="dot", line_color="rgba(128,128,128,0.9)")
        figure.add_annotation(x=when, y=1.0, yref="paper", text=f"<b>{shown}</b>", showarrow=False, yshift=8)
    return figure
