"""Sections: each is read by itself, drawn again by the clock only where it changed, and can be downloaded."""

import hashlib
import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
import structlog
from dash import ALL, MATCH, Input, Output, State, ctx, dcc, html, no_update
from dash._utils import to_json
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.callbacks import Callbacks
from dashboard.filters import Filters
from dashboard.icons import icon
from dashboard.page import Drawn, Page, Row, Section, View
from dashboard.who import Who
from experiments.errors import WinbackError
from experiments.model.principal import require

TICK = 10_000
"""Milliseconds between two looks for something new."""

HEAD = ""
"""In place of a section's name: what stands above the sections."""

WOKEN = """(search, tick, path, before) => {
    const {paths, still} = %s;
    const {outputs_list: places, triggered} = dash_clientside.callback_context;
    const ticked = triggered.length > 0 && triggered.every(({prop_id}) => prop_id === "beat.data");
    const asleep = ({page, name}, known) =>
        paths[page] !== path || (ticked && still.includes(`${page}/${name}`)) || (name === "" && known === search);
    return places.map(({id}, place) =>
        asleep(id, before[place] && before[place].search) ? dash_clientside.no_update : {search, tick});
}"""
"""Wakes what stands on the page shown: at every other address, and what is live at the clock's ticks."""

CSV_INJECTION = ("=", "+", "-", "@", "\t", "\r")
_FORMATS = ("csv", "xlsx")
_log = structlog.get_logger("winback.dashboard")


def frame(page: str, section: Section) -> Component:
    """The place of a section on its page, before it is drawn."""
    place = {"page": page, "name": section.name}
    body = dcc.Loading(
        html.Div(dmc.Skeleton(height=section.height, radius="md"), id={"type": "section", **place}),
        show_initially=False,
        delay_show=10_000,
    )
    parts = [dcc.Store(id={"type": "digest", **place}), dcc.Store(id=woken(page, section.name)), body]
    if section.title:
        parts.insert(0, _heading(place, section))
        content: Component = dmc.Paper(parts, withBorder=True, p="md", className="section", h="100%")
    else:
        content = html.Div(parts)
    return dmc.GridCol(content, span={"base": 12, "md": section.span})


def woken(page: str, name: str = HEAD) -> dict[str, str]:
    """Id of the store that holds the address, as `{search, tick}`, for a section or what stands above them.

    Callbacks of a page take the address from here. These stores go with their page; callbacks that took it from `url`
    would still be called for what is no longer there, which fails in the browser.
    """
    return {"type": "woken", "page": page, "name": name}


def _heading(place: dict[str, str], section: Section) -> Component:
    saves = [
        dmc.Button(
            kind.upper(),
            id={"type": "save", **place, "format": kind},
            variant="subtle",
            color="gray",
            size="compact-xs",
            **{"aria-label": f"Download {section.title} as {kind.upper()}"},
        )
        for kind in _FORMATS
    ]
    name: list[Component] = [dmc.Title(section.title, order=2, size="h4")]
    if section.explain:
        mark = dmc.ActionIcon(icon("help"), variant="subtle", color="gray", size="sm", **{"aria-label": "Explain"})
        name.append(dmc.Tooltip(mark, label=section.explain, multiline=True, w=320, events={"focus": True}))
    return dmc.Group(
        [dmc.Group(name, gap=4), dmc.Group(saves, gap=2, wrap="nowrap")],
        justify="space-between",
        mb="sm",
        wrap="nowrap",
    )


def draw(page: Page, section: Section, view: View) -> Drawn:
    """The section, or in its place what went wrong and what to do. Raises ForbiddenError."""
    require(view.who.principal, page.needs)
    try:
        drawn = section.draw(view)
    except WinbackError as error:
        return Drawn(trouble("This cannot be shown", str(error), "yellow"))
    except Exception:
        _log.exception("not drawn", page=page.path, section=section.name)
        text = "Something failed on the server; its log says what. The other parts of the page are not affected."
        return Drawn(trouble("This part failed", text, "red"))
    return drawn if isinstance(drawn, Drawn) else Drawn(drawn)


def trouble(title: str, text: str, color: str) -> Component:
    """A fault in the place of what could not be shown."""
    return dmc.Alert(text, title=title, color=color, variant="light", icon=icon("warning"))


def register(callbacks: Callbacks, pages: dict[str, Page]) -> None:
    """The callbacks that all sections share.

    The clock's ticks wait for what is under way: calls that pile up outlive their page.
    """
    callbacks.in_browser(
        "tick => window.winbackIdle(tick)",
        Output("beat", "data"),
        Input("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    paths = {key: page.path for key, page in pages.items()}
    still = [f"{key}/{each.name}" for key, page in pages.items() for each in page.sections if not each.live]
    callbacks.in_browser(
        WOKEN % json.dumps({"paths": paths, "still": [*still, *(f"{key}/{HEAD}" for key in pages)]}),
        Output({"type": "woken", "page": ALL, "name": ALL}, "data"),
        Input("url", "search"),
        Input("beat", "data"),
        State("url", "pathname"),
        State({"type": "woken", "page": ALL, "name": ALL}, "data"),
    )

    @callbacks.on(
        "read",
        Output({"type": "section", "page": MATCH, "name": MATCH}, "children"),
        Output({"type": "digest", "page": MATCH, "name": MATCH}, "data"),
        Input({"type": "woken", "page": MATCH, "name": MATCH}, "data"),
        State({"type": "digest", "page": MATCH, "name": MATCH}, "data"),
    )
    def drawn_section(who: Who, address: dict[str, Any] | None, before: str | None) -> Any:
        if address is None:
            raise PreventUpdate
        place = ctx.outputs_list[0]["id"]
        page = pages[place["page"]]
        section = page.section(place["name"])
        body = draw(page, section, View(who, Filters.parse(address["search"]))).body
        digest = hashlib.blake2b(str(to_json(body)).encode(), digest_size=12).hexdigest()
        return (no_update, no_update) if digest == before else (body, digest)

    @callbacks.on(
        "read",
        Output("download", "data"),
        Input({"type": "save", "page": ALL, "name": ALL, "format": ALL}, "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def saved_section(who: Who, clicks: list[int | None], search: str) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict) or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        place = ctx.triggered_id
        page = pages[place["page"]]
        drawn = draw(page, page.section(place["name"]), View(who, Filters.parse(search)))
        return file_of(drawn.rows or [], f"winback-{place['page']}-{place['name']}", place["format"])


def file_of(rows: Sequence[Row], name: str, kind: str) -> dict[str, Any]:
    """Rows as a file for the browser; a text that a spreadsheet would take for a formula is quoted."""
    table = pd.DataFrame([{key: _harmless(value) for key, value in row.items()} for row in rows])
    if kind == "csv":
        return dict(dcc.send_string(table.to_csv(index=False), f"{name}.csv"))
    buffer = BytesIO()
    with pd.ExcelWriter(buffer, engine="xlsxwriter") as writer:
        table.to_excel(writer, index=False, sheet_name="Winback", freeze_panes=(1, 0))
        writer.sheets["Winback"].autofit()
    return dict(dcc.send_bytes(buffer.getvalue(), f"{name}.xlsx"))


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(CSV_INJECTION) else value
