"""Estimates with their intervals, one under the other."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.theme import PALETTE, UNSURE

Estimate = Mapping[str, Any]
KINDS = {
    "clear": ("interval clear of the line", PALETTE[0], "circle"),
    "across": ("interval across the line", UNSURE, "circle-open"),
    "unknown": ("no interval: too little to go by", UNSURE, "x-thin-open"),
}
"""Kind of estimate → what it is called, its colour and its mark."""


def forest(
    estimates: Sequence[tuple[str, Estimate]], unit: str, *, percent: bool = False, reference: float | None = None
) -> go.Figure:
    """A dot with a line for each estimate; where the interval leaves the reference, in colour.

    Args:
        estimates: (label, estimate with value, lower and upper), from top to bottom; those without value are left out.
        unit: title of the axis. percent: values are shares.
        reference: what no difference would be, drawn as a line.
    """
    known = [(label, one) for label, one in reversed(estimates) if one.get("value") is not None]
    figure = go.Figure()
    shown = "%{x:.1%}" if percent else "%{x:,.3g}"
    for kind, (name, color, symbol) in KINDS.items():
        rows = [(label, one) for label, one in known if _kind(one, reference) == kind]
        if not rows:
            continue
        values = [one["value"] for _, one in rows]
        figure.add_scatter(
            x=values,
            y=[label for label, _ in rows],
            mode="markers",
            name=name,
            marker={
                "size": 10,
                "color": color,
                "symbol": symbol,
            },
            error_x={
                "type": "data",
                "array": [_half(one, "upper") for _, one in rows],
                "arrayminus": [_half(one, "lower") for _, one in rows],
                "thickness": 2,
                "width": 5,
                "visible": kind != "unknown",
            },
            customdata=[[_bound(one, "lower", percent), _bound(one, "upper", percent)] for _, one in rows],
            hovertemplate=f"%{{y}}: {shown} (%{{customdata[0]}} to %{{customdata[1]}})<extra></extra>",
        )
    if reference is not None:
        figure.add_vline(x=reference, line_width=1, line_dash="dash", line_color="rgba(128,128,128,0.8)")
    order = [label for label, _ in known]
    figure.update_layout(
        height=122 + 36 * len(known),
        # As a title of the figure it is as wide as a phone; an axis's own is cut where names of rows take half of it.
        title={"text": unit, "font": {"size": 13}, "x": 0.5, "y": 0, "yanchor": "bottom", "pad": {"b": 6}},
        margin={"b": 52},
        xaxis={"nticks": 6, **({"tickformat": "~%"} if percent else {})},
        yaxis={"categoryorder": "array", "categoryarray": order},
        showlegend=reference is not None,
    )
    return figure


def _kind(one: Estimate, reference: float | None) -> str:
    lower, upper = one.get("lower"), one.get("upper")
    if lower is None and upper is None:
        return "unknown"
    if reference is None:
        return "clear"
    return (
        "clear" if (lower is not None and lower > reference) or (upper is not None and upper < reference) else "across"
    )


def _half(one: Estimate, side: str) -> float:
    bound = one.get(side)
    return 0.0 if bound is None else abs(bound - one["value"])


def _bound(one: Estimate, side: str, percent: bool) -> str:
    bound = one.get(side)
    if bound is None:
        return "unbounded"
    return f"{100 * bound:.1f} %" if percent else f"{bound:,.3g}"
