"""Probabilities of arms side by side."""

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.theme import PALETTE

MOST_ARMS = 30


def probabilities(pmfs: Mapping[str, Mapping[str, float]], chosen: str) -> go.Figure:
    """Horizontal bars by arm, one colour for each policy; the arm that was drawn is marked by a star.

    Args:
        pmfs: policy → arm → probability; the first policy's order of probabilities orders the arms.
        chosen: the arm that was drawn.
    """
    first = next(iter(pmfs.values()), {})
    order = sorted(first, key=lambda arm: first[arm])[-MOST_ARMS:]
    labels = [f"★ {arm}" if arm == chosen else arm for arm in order]
    figure = go.Figure()
    for place, (name, pmf) in enumerate(pmfs.items()):
        values = [pmf.get(arm, 0.0) for arm in order]
        figure.add_bar(
            x=values,
            y=labels,
            orientation="h",
            name=name,
            marker_color=PALETTE[place % len(PALETTE)],
            hovertemplate="%{y}: %{x:.1%}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        height=80 + len(order) * (14 + 12 * len(pmfs)),
        xaxis={"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "probability"}},
        barmode="group",
        showlegend=len(pmfs) > 1,
    )
    return figure
