"""Segment by arm as colours, with the figures on hover and in the cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.format import in_unit, interval

Cells = Mapping[str, Mapping[str, Mapping[str, Any]]]
SURE = 0.05


def heat_map(cells: Cells, arms: Sequence[str], unit: str, currency: str) -> go.Figure:
    """A square for each segment and arm; ★ where it differs from the control arm, all comparisons counted together.

    What has no interval stays empty: it would make a scale of noise.

    Args:
        cells: segment → arm → {adjusted: estimate, p_adjusted}.
        arms: columns, in order. unit: of the values.
    """
    segments = list(cells)
    values = [[_value(cells[segment].get(arm)) for arm in arms] for segment in segments]
    texts = [[_text(cells[segment].get(arm), unit, currency) for arm in arms] for segment in segments]
    hovers = [[_hover(segment, arm, cells[segment].get(arm), unit, currency) for arm in arms] for segment in segments]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(arms),
            y=segments,
            text=texts,
            texttemplate="%{text}",
            hovertext=hovers,
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale="Cividis",
            xgap=2,
            ygap=2,
            colorbar={"thickness": 12, "outlinewidth": 0},
        )
    )
    axis = {"autorange": "reversed", "type": "category", "showgrid": False}
    figure.update_layout(height=110 + 36 * len(segments), yaxis=axis, xaxis={"showgrid": False, "side": "top"})
    return figure


def known(cell: Mapping[str, Any]) -> bool:
    """Whether there is an interval."""
    return None not in (cell["adjusted"].get("lower"), cell["adjusted"].get("upper"))


def _value(cell: Mapping[str, Any] | None) -> float | None:
    return cell["adjusted"].get("value") if cell is not None and known(cell) else None


def _is_sure(cell: Mapping[str, Any]) -> bool:
    return cell.get("p_adjusted") is not None and cell["p_adjusted"] <= SURE


def _text(cell: Mapping[str, Any] | None, unit: str, currency: str) -> str:
    if cell is None or not known(cell):
        return ""
    return in_unit(unit, cell["adjusted"]["value"], currency) + (" ★" if _is_sure(cell) else "")


def _hover(segment: str, arm: str, cell: Mapping[str, Any] | None, unit: str, currency: str) -> str:
    if cell is None or cell["adjusted"].get("value") is None:
        return f"{segment}, {arm}: nothing yet"
    estimate = cell["adjusted"]
    told = f"{segment}, {arm}<br>{in_unit(unit, estimate['value'], currency)} ({interval(unit, estimate, currency)})"
    adjusted = cell.get("p_adjusted")
    return told if adjusted is None else f"{told}<br>p {adjusted:.2g}, adjusted"


def _part(value: Any) -> str:
    return "in no part" if value is None else str(value)


def flows(moves: Sequence[Mapping[str, Any]]) -> go.Figure:
    """How many users went from which part to which since the refresh before."""
    names = list(dict.fromkeys(_part(one[side]) for side in ("from", "to") for one in moves))
    left = {name: place for place, name in enumerate(names)}
    figure = go.Figure(
        go.Sankey(
            node={"label": [*names, *names], "pad": 18, "thickness": 14, "color": "#0072B2"},
            link={
                "source": [left[_part(one["from"])] for one in moves],
                "target": [len(names) + left[_part(one["to"])] for one in moves],
                "value": [one["units"] for one in moves],
                "color": "rgba(0,114,178,0.25)",
            },
        )
    )
    figure.update_layout(height=120 + 28 * len(names))
    return figure
