"""Sections: each is read by itself, drawn again by the clock only where it changed, and can be downloaded."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
import structlog
from dash import ALL, MATCH, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from plotly.io.json import to_json_plotly

from dashboard.aria import labelled
from dashboard.callbacks import Callbacks
from dashboard.filters import Filters
from dashboard.icons import icon
from dashboard.page import FILTERS, Drawn, Page, Row, Section, View
from dashboard.who import Who
from experiments.errors import WinbackError
from experiments.model.access.principal import require

TICK = 10_000
"""Milliseconds between two looks for something new."""

HEAD, SECTIONS = "", "sections"
"""What stands above the sections, and all sections together: names of what is woken."""

CALM = 5_000
"""Milliseconds after a change of the address within which the clock wakes nothing: all has just been read."""

WOKEN = """(search, tick, path, before) => {
    const {paths, live, others, calm} = %s;
    const {outputs_list: places, triggered} = dash_clientside.callback_context;
    const ticked = triggered.length > 0 && triggered.every(({prop_id}) => prop_id === "beat.data");
    const now = performance.now();
    if (!ticked) window.winbackMoved = now;
    if (ticked && now - (window.winbackMoved ?? 0) < calm) return places.map(() => dash_clientside.no_update);
    const seen = (page, address) => {
        const names = new URLSearchParams(address);
        for (const name of others[page]) names.delete(name);
        return names.toString();
    };
    const same = ({page, name}, known) => known
        && (name === "" ? known.search === search : seen(page, known.search) === seen(page, search));
    const asleep = (id, known) => paths[id.page] !== path
        || (ticked ? id.name === "" || !live.includes(id.page) : same(id, known));
    return places.map(({id}, place) => asleep(id, before[place]) ? dash_clientside.no_update : {search, tick});
}"""
"""Wakes what stands on the page shown: at another address, if the page looks at what differs, and its sections at ticks
of the clock."""

KEPT_AS: dict[str, tuple[str, ...]] = {"period": ("period", "from", "to", "compare")}
"""Filter → its names in the address, where these are several."""

CSV_INJECTION = ("=", "+", "-", "@", "\t", "\r")
_FORMATS = ("csv", "xlsx")
_log = structlog.get_logger("winback.dashboard")


def frame(page: str, section: Section) -> Component:
    """The place of a section on its page, before it is drawn."""
    place = {"page": page, "name": section.name}
    # What only screen readers see is placed within it, not beyond a narrow screen's edge.
    inside = {"position": "relative"}
    body = html.Div(dmc.Skeleton(height=section.height, radius="md"), id={"type": "section", **place}, style=inside)
    content: Component = body
    if section.title:
        content = dmc.Paper([_heading(place, section), body], withBorder=True, p="md", className="section", h="100%")
    return dmc.GridCol(content, span={"base": 12, "md": section.span})


def frames(key: str, page: Page, address: dict[str, Any]) -> list[Component]:
    """The places of all sections of a page, which are drawn for this address at once.

    One call draws all of them: what a call costs the browser grows with all that is on the page.
    """
    if not page.sections:
        return []
    grid = dmc.Grid([frame(key, section) for section in page.sections], gutter="md")
    return [
        dcc.Store(id=woken(key, SECTIONS), data=address),
        dcc.Store(id={"type": "first", "page": key}, data=address),
        dcc.Store(id={"type": "drawn", "page": key}),
        dcc.Loading(grid, show_initially=False, delay_show=10_000),
    ]


def woken(page: str, name: str = HEAD) -> dict[str, str]:
    """Id of the store that holds the address, as `{search, tick}`, for the sections or what stands above them.

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
            **labelled(f"Download {section.title} as {kind.upper()}"),
        )
        for kind in _FORMATS
    ]
    name: list[Component] = [dmc.Title(section.title, order=2, size="h4")]
    if section.explain:
        mark = dmc.ActionIcon(icon("help"), variant="subtle", color="gray", size="sm", **labelled("Explain"))
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


def _body(page: Page, section: Section, view: View, before: str | None) -> tuple[Component, str] | None:
    """The section as it is now, with its digest; None where that is the one before."""
    body = draw(page, section, view).body
    digest = hashlib.blake2b(str(to_json_plotly(body)).encode(), digest_size=12).hexdigest()
    return None if digest == before else (body, digest)


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
    live = [key for key, page in pages.items() if any(section.live for section in page.sections)]
    others = {
        key: [name for each in FILTERS if each not in page.filters for name in KEPT_AS.get(each, (each,))]
        for key, page in pages.items()
    }
    callbacks.in_browser(
        WOKEN % json.dumps({"paths": paths, "live": live, "others": others, "calm": CALM}),
        Output({"type": "woken", "page": ALL, "name": ALL}, "data"),
        Input("url", "search"),
        Input("beat", "data"),
        State("url", "pathname"),
        State({"type": "woken", "page": ALL, "name": ALL}, "data"),
    )

    shown = (
        Output({"type": "section", "page": MATCH, "name": ALL}, "children", allow_duplicate=True),
        Output({"type": "drawn", "page": MATCH}, "data", allow_duplicate=True),
    )
    before = State({"type": "drawn", "page": MATCH}, "data")

    # At first by a store of its own: Dash lets whatever follows from the address wait for the filters' first answer.
    @callbacks.on(
        "read",
        *shown,
        Input({"type": "first", "page": MATCH}, "data"),
        before,
        prevent_initial_call="initial_duplicate",
    )
    @callbacks.on(
        "read",
        *shown,
        Input({"type": "woken", "page": MATCH, "name": SECTIONS}, "data"),
        before,
        prevent_initial_call=True,
    )
    def drawn_sections(who: Who, address: dict[str, Any] | None, before: dict[str, Any] | None) -> Any:
        if address is None:
            raise PreventUpdate
        places = [each["id"] for each in ctx.outputs_list[0]]
        page, view = pages[ctx.outputs_list[1]["id"]["page"]], View(who, Filters.parse(address["search"]))
        same = before is not None and before["search"] == address["search"]
        digests = dict(before["digests"]) if before is not None else {}
        bodies = []
        for section in (page.section(place["name"]) for place in places):
            found = None if same and not section.live else _body(page, section, view, digests.get(section.name))
            bodies.append(no_update if found is None else found[0])
            if found is not None:
                digests[section.name] = found[1]
        if same and all(body is no_update for body in bodies):
            raise PreventUpdate
        return bodies, {"search": address["search"], "digests": digests}

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
        return {"content": table.to_csv(index=False), "filename": f"{name}.csv"}
    buffer = BytesIO()
    with pd.ExcelWriter(buffer, engine="xlsxwriter") as writer:
        table.to_excel(writer, index=False, sheet_name="Winback", freeze_panes=(1, 0))
        writer.sheets["Winback"].autofit()
    return {"content": b64encode(buffer.getvalue()).decode(), "filename": f"{name}.xlsx", "base64": True}


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(CSV_INJECTION) else value
