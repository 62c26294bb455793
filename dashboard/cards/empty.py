"""What stands where there is nothing to show yet: why, and what to do."""

import dash_mantine_components as dmc
from dash import dcc
from dash.development.base_component import Component


def empty(why: str, remedy: str = "", href: str = "", link: str = "") -> Component:
    """A quiet sentence, and where it helps a link."""
    parts = [dmc.Text(why, fw=600), *([dmc.Text(remedy, c="dimmed", size="sm")] if remedy else [])]
    if href:
        parts.append(dcc.Link(link, href=href))
    return dmc.Stack(parts, gap=4, py="lg", align="center", ta="center")


def no_campaign() -> Component:
    """Where a page needs a campaign and there is none."""
    return empty(
        "No campaign yet.", "Create one in the designer; it takes two minutes.", "/designer", "To the designer"
    )
