"""Small tables for reading; large ones are grids."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

Cell = Any
"""Text, a number as text, or a component."""


def table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Cell]], caption: str, width: int = 480) -> Component:
    """Rows under headings, the first column as the rows' own headings.

    Args:
        columns: key → heading; a heading that ends in `#` is aligned as numbers are.
        rows: by key.
        caption: what the table shows, for who cannot see it.
        width: below which it scrolls sideways, in pixels.
    """
    first = next(iter(columns))
    heads = [dmc.TableTh(_name(name), style={**_align(name), "whiteSpace": "normal"}) for name in columns.values()]
    body = [
        dmc.TableTr(
            [
                (dmc.TableTh if key == first else dmc.TableTd)(
                    row.get(key, ""), style={**_align(name), "fontWeight": "inherit"}, className="number"
                )
                for key, name in columns.items()
            ]
        )
        for row in rows
    ]
    shown = dmc.Table(
        [
            dmc.TableCaption(dmc.VisuallyHidden(caption)),
            dmc.TableThead(dmc.TableTr(heads)),
            dmc.TableTbody(body),
        ],
        verticalSpacing="xs",
        highlightOnHover=True,
    )
    # Whoever has no mouse scrolls it with the arrow keys: it takes the focus.
    return html.Div(dmc.Box(shown, miw=width), style={"overflowX": "auto"}, tabIndex="0")


def _name(heading: str) -> str:
    return heading.removesuffix("#").strip()


def _align(heading: str) -> dict[str, str]:
    return {"textAlign": "right", "whiteSpace": "nowrap"} if heading.endswith("#") else {}


def facts(pairs: Mapping[str, Cell]) -> Component:
    """Names and what they are, one under the other."""
    rows = [
        dmc.Group(
            [dmc.Text(name, size="sm", c="dimmed", w=150, style={"flexShrink": 0}), _value(value)],
            gap="sm",
            wrap="nowrap",
            align="start",
        )
        for name, value in pairs.items()
    ]
    return dmc.Stack(rows, gap=6)


def _value(value: Cell) -> Component:
    if isinstance(value, Component):
        return value
    return dmc.Text(str(value), size="sm", className="number", style={"overflowWrap": "anywhere"})
