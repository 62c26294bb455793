"""From the address to a page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import flask
from dash import Input, Output, State
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.callbacks import Callbacks
from dashboard.filters import Filters
from dashboard.page import Page, View
from dashboard.shell import Opening, content, missing, navigation, person_menu, shell
from dashboard.who import Who


def opened(callbacks: Callbacks, pages: dict[str, Page]) -> Callable[[], Component]:
    """The frame with the page in it that the browser has opened, whose address it names when it asks."""

    def layout() -> Component:
        address = urlsplit(flask.request.referrer or "")
        if address.netloc != flask.request.host:
            return shell(Opening())
        who, search = callbacks.who(), f"?{address.query}" if address.query else ""
        links = navigation(pages, who, address.path, Filters.parse(search))
        person = person_menu(callbacks.person())
        return shell(Opening(address.path, _page(pages, who, address.path, search), links, person))

    return layout


def _page(pages: dict[str, Page], who: Who, path: str, search: str) -> Component:
    key = next((key for key, page in pages.items() if page.path == path), None)
    if key is None or not who.may(pages[key].needs):
        return missing()
    return content(key, pages[key], View(who, Filters.parse(search)))


def register(callbacks: Callbacks, pages: dict[str, Page]) -> None:
    """Which page is shown, the navigation beside it, and who is signed in."""

    @callbacks.on(
        "read",
        Output("content", "children"),
        Output("opened", "data"),
        Input("url", "pathname"),
        State("url", "search"),
        State("opened", "data"),
    )
    def shown_page(who: Who, path: str, search: str, opened: str) -> Any:
        if path == opened:
            raise PreventUpdate
        return _page(pages, who, path, search), path

    @callbacks.on("read", Output("nav", "children"), Input("url", "pathname"), Input("url", "search"))
    def shown_navigation(who: Who, path: str, search: str) -> Any:
        return navigation(pages, who, path, Filters.parse(search))

    @callbacks.on("read", Output("person", "children"), Input("url", "pathname"))
    def shown_person(_who: Who, _path: str) -> Any:
        return person_menu(callbacks.person())

    callbacks.in_browser(
        # Opening a page from the narrow screen's navigation closes it again.
        """(opened, path, navbar) => {
            const by = dash_clientside.callback_context.triggered.map(t => t.prop_id.split('.')[0]);
            const open = by.includes('url') ? false : opened;
            return [{...navbar, collapsed: {mobile: !open}}, open];
        }""",
        Output("shell", "navbar"),
        Output("burger", "opened"),
        Input("burger", "opened"),
        Input("url", "pathname"),
        State("shell", "navbar"),
    )

    callbacks.in_browser(
        """(path) => {
            const bars = %s;
            const shown = bars[path] || [];
            return ['campaign', 'event_type', 'segment', 'period'].map(
                name => shown.includes(name) ? {} : {display: 'none'});
        }"""
        % {page.path: list(page.filters) for page in pages.values()},
        Output("campaign-box", "style"),
        Output("event-type-box", "style"),
        Output("segment-box", "style"),
        Output("period-box", "style"),
        Input("url", "pathname"),
    )
