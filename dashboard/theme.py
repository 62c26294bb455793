"""Colours and type, once: for components and figures alike."""

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")
"""Okabe & Ito (2008), *Color Universal Design*, in the order of use; told apart with any colour vision."""

GOOD, BAD, UNSURE = "#009E73", "#D55E00", "#7F7F7F"
"""Better, worse, not known; never the only sign of it."""

DIVERGING = ((0.0, "#D55E00"), (0.5, "#F2F2F2"), (1.0, "#0072B2"))

MANTINE: dict[str, Any] = {
    "primaryColor": "indigo",
    "primaryShade": {"light": 8, "dark": 8},
    "defaultRadius": "md",
    "fontFamily": "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "headings": {"fontWeight": "650"},
    "components": {"Checkbox": {"defaultProps": {"radius": "sm"}}},
}

TEMPLATE = "winback"
AXIS: dict[str, Any] = {
    "gridcolor": "rgba(128,128,128,0.18)",
    "zerolinecolor": "rgba(128,128,128,0.5)",
    "automargin": True,
}
LEGEND_BELOW = {"yanchor": "top", "y": -0.2}
"""For figures over time: their many names would stand in the figure's way above it."""

# Text and lines are coloured by the style sheet, so that a figure follows light and dark without being drawn again.
pio.templates[TEMPLATE] = go.layout.Template(
    layout={
        "colorway": list(PALETTE),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": MANTINE["fontFamily"], "size": 13, "color": "#495057"},
        "margin": {"l": 16, "r": 16, "t": 24, "b": 40},
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": MANTINE["fontFamily"], "size": 13}},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        "xaxis": {**AXIS, "title": {"font": {"size": 13}, "standoff": 10}},
        "yaxis": {**AXIS, "title": {"font": {"size": 13}, "standoff": 8}, "ticksuffix": " "},
        "colorscale": {"diverging": [list(step) for step in DIVERGING]},
    }
)


def use() -> None:
    """Make ours the default of every figure of this process."""
    pio.templates.default = TEMPLATE
