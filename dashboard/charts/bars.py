"""Bars: a funnel's steps, decisions that mature, money spent."""

from collections.abc import Sequence
from datetime import date

import plotly.graph_objects as go

from dashboard.theme import PALETTE

HOVER = "%{x}: %{y:,.0f}<extra></extra>"


def steps(names: Sequence[str], counts: Sequence[float]) -> go.Figure:
    """A funnel from top to bottom, each step as a share of the first."""
    first = counts[0] if counts and counts[0] else 1.0
    labels = [f"{count:,.0f} · {count / first:.1%}" for count in counts]
    figure = go.Figure(
        go.Bar(
            x=list(counts)[::-1],
            y=list(names)[::-1],
            orientation="h",
            text=labels[::-1],
            textposition="outside",
            cliponaxis=False,
            marker_color=PALETTE[0],
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    figure.update_layout(height=70 + 38 * len(names), xaxis={"visible": False, "range": [0, first * 1.55]})
    return figure


def days(at: Sequence[str], counts: Sequence[float], unit: str) -> go.Figure:
    """A bar a day."""
    figure = go.Figure(
        go.Bar(x=[_day(one) for one in at], y=list(counts), marker_color=PALETTE[0], hovertemplate=HOVER)
    )
    figure.update_traces(width=0.6)
    figure.update_layout(height=240, yaxis={"title": {"text": unit}}, xaxis={"type": "category"})
    return figure


def _day(text: str) -> str:
    """2026-11-21 as 21 Nov."""
    return f"{date.fromisoformat(text[:10]):%d %b}".lstrip("0")


def meter(parts: Sequence[tuple[str, float]], whole: float, currency: str) -> go.Figure:
    """Parts of a whole in one bar."""
    figure = go.Figure()
    for place, (name, value) in enumerate(parts):
        figure.add_bar(
            x=[value],
            y=[""],
            orientation="h",
            name=name,
            marker_color=PALETTE[place % len(PALETTE)],
            hovertemplate=f"{name}: %{{x:,.0f}} {currency}<extra></extra>",
        )
    axis = {"range": [0, max(whole, sum(value for _, value in parts))], "title": {"text": currency}}
    figure.update_layout(height=130, barmode="stack", xaxis=axis, legend={"traceorder": "normal"})
    return figure
