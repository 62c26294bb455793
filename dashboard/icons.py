"""Icons drawn by the style sheet (assets/icons.css), in the colour of the text beside them."""

from dash import html

from dashboard.aria import HIDDEN

ICONS = (
    "portfolio",
    "campaign",
    "segments",
    "replay",
    "designer",
    "inspector",
    "models",
    "data",
    "accounts",
    "download",
    "more",
    "help",
    "warning",
    "sign-out",
    "bell",
    "sun",
    "moon",
    "filter",
)


def icon(name: str) -> html.Span:
    """One of ICONS; invisible to screen readers, so that what it stands for must be said beside it."""
    return html.Span(className=f"icon icon-{name}", **HIDDEN)
