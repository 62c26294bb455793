"""A figure on a page: responsive, downloadable as PNG, with a sentence for who cannot see it."""

from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.aria import labelled

CONFIG: Any = {
    "displaylogo": False,
    "responsive": True,
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "winback"},
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def graph(figure: go.Figure, told: str) -> Component:
    """The figure; `told` says what it shows."""
    height = figure.layout.height or 320
    shown = dcc.Graph(figure=figure, config=CONFIG, style={"height": f"{height}px"}, responsive=True)
    place = html.Div(shown, style={"minHeight": f"{height}px"})
    return html.Div(place, className="figure", role="figure", **labelled(told))
