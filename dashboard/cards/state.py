"""The state of a campaign, of a check, of an alert: a word on a colour, never the colour alone."""

import dash_mantine_components as dmc
from dash.development.base_component import Component

COLORS = {
    "running": "teal.9",
    "paused": "orange.9",
    "stopped": "gray.7",
    "draft": "blue.9",
    "archived": "gray.7",
    "passed": "teal.9",
    "failed": "red.9",
    "warning": "orange.9",
    "critical": "red.9",
    "info": "blue.9",
    "active": "teal.9",
    "matured": "teal.9",
    "open": "blue.9",
    "yes": "teal.9",
    "no": "red.9",
    "done": "teal.9",
    "queued": "gray.7",
    "waiting": "gray.7",
    "up to date": "teal.9",
    "learning": "blue.9",
    "trust": "teal.9",
    "caution": "orange.9",
    "unusable": "red.9",
}
"""Dark enough for white text (WCAG AA), in light and dark alike."""


def state(word: str) -> Component:
    """The word as a badge."""
    return dmc.Badge(
        word, color=COLORS.get(word, "gray.7"), variant="filled", styles={"label": {"overflow": "visible"}}
    )
