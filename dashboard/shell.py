"""What stands around every page: navigation, filters, notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.aria import HIDDEN, labelled, page_mark
from dashboard.callbacks import NOTICES
from dashboard.filters import CUSTOM, PERIODS, Filters
from dashboard.icons import icon
from dashboard.page import Page, View
from dashboard.sections import TICK, frames, woken
from dashboard.theme import MANTINE
from dashboard.who import Who
from experiments.services.access.signing_in import Person


@dataclass(frozen=True, slots=True)
class Opening:
    """What the frame holds at first. `path`: of the page in it; empty where nothing is."""

    path: str = ""
    content: Component | None = None
    links: Sequence[Component] = ()
    person: Component | None = None


def shell(opening: Opening) -> Component:
    """The frame, with the page that is asked for in it: what comes at once need not be drawn twice."""
    return dmc.MantineProvider(
        [
            dmc.NotificationContainer(id=NOTICES, position="bottom-right"),
            dcc.Location(id="url", refresh=False),
            dcc.Interval(id="tick", interval=TICK),
            dcc.Store(id="beat"),
            dcc.Store(id="opened", data=opening.path),
            dcc.Download(id="download"),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_header(opening.person), px="md"),
                    dmc.AppShellNavbar(
                        dmc.ScrollArea(html.Div(list(opening.links), id="nav"), type="auto", offsetScrollbars=True),
                        p="sm",
                        **labelled("Pages"),
                    ),
                    dmc.AppShellMain([_filter_bar(), html.Div(opening.content, id="content")]),
                ],
                id="shell",
                header={"height": 56},
                navbar={"width": 240, "breakpoint": "sm", "collapsed": {"mobile": True}},
                padding="md",
            ),
        ],
        theme=MANTINE,
        defaultColorScheme="auto",
    )


def _header(person: Component | None) -> Component:
    burger = dmc.Burger(id="burger", size="sm", hiddenFrom="sm", opened=False, **labelled("Show the pages"))
    brand = dcc.Link(
        [html.Span(className="brand-mark", **HIDDEN), html.Span("Winback")],
        href="/",
        className="brand",
    )
    scheme = dmc.ColorSchemeToggle(
        lightIcon=icon("sun"),
        darkIcon=icon("moon"),
        variant="subtle",
        color="gray",
        size="lg",
        **labelled("Light or dark"),
    )
    right = dmc.Group([html.Div(id="alerts-bell"), scheme, html.Div(person, id="person")], gap="xs", wrap="nowrap")
    left = dmc.Group([burger, brand], gap="sm", wrap="nowrap")
    return dmc.Group([left, right], justify="space-between", h="100%", wrap="nowrap")


def _filter_bar() -> Component:
    periods = [{"value": name, "label": label} for name, (label, _) in PERIODS.items()]
    periods.append({"value": CUSTOM, "label": "Days from to"})
    controls = [
        html.Div(_select("campaign", "Campaign", 220, searchable=True), id="campaign-box"),
        html.Div(_select("event-type", "Event type", 160, placeholder="All"), id="event-type-box"),
        html.Div(_select("segment", "Segment", 160, placeholder="All"), id="segment-box"),
        html.Div(
            dmc.Group(
                [
                    dmc.Select(id="period", label="Period", data=periods, value="all", w=150, allowDeselect=False),
                    dmc.DatePickerInput(id="days", label="Days", type="range", w=220, clearable=True),
                    dmc.Checkbox(id="compare", label="Compare with the period before", mb=8),
                ],
                align="end",
                gap="sm",
            ),
            id="period-box",
        ),
    ]
    return dmc.Group(controls, id="filters", gap="sm", align="end", mb="md")


def _select(name: str, label: str, width: int, **options: Any) -> Component:
    return dmc.Select(id=name, label=label, data=[], w=width, clearable=name != "campaign", **options)


def navigation(pages: dict[str, Page], who: Who, path: str, filters: Filters) -> list[Component]:
    """Links to the pages that the person may see; the filters go with them."""
    search = Filters(
        filters.campaign, filters.event_type, filters.segment, filters.period, filters.since, filters.until
    )
    links: list[Component] = []
    group = ""
    order = list(dict.fromkeys(page.group for page in pages.values()))
    for page in sorted(pages.values(), key=lambda page: order.index(page.group)):
        if not who.may(page.needs):
            continue
        if page.group != group:
            group = page.group
            links.append(dmc.Text(group, size="xs", fw=600, c="dimmed", mt="md", mb=4, px="sm"))
        active = page.path == path
        current = {"aria-current": "page"} if active else {}
        links.append(
            dmc.NavLink(
                label=page.title,
                href=page.path + search.search(),
                active=active,
                variant="filled",
                color="indigo.9",
                leftSection=icon(page.icon),
                **current,
            )
        )
    return links


def person_menu(person: Person) -> Component:
    """Who is signed in, and the way out."""
    avatar = dmc.Avatar(person.email[:1].upper(), size=32, color="indigo.9", variant="filled", radius="xl")
    named = dmc.Stack(
        [dmc.Text(person.email, size="xs", fw=600), dmc.Text(person.role, size="xs", c="dimmed")],
        gap=0,
        visibleFrom="sm",
    )
    way_out = html.A(icon("sign-out"), href="/sign-out", className="way-out", title="Sign out", **labelled("Sign out"))
    account = html.A(
        dmc.Group([avatar, named], gap="xs", wrap="nowrap"),
        href="/account",
        className="own-account",
        title="Your account: change the password",
        **labelled(f"Your account, {person.email}"),
    )
    return dmc.Group([account, way_out], gap="xs", wrap="nowrap")


def content(key: str, page: Page, view: View) -> Component:
    """A page with its sections still empty."""
    address = {"search": view.filters.search(), "tick": None}
    head = [] if page.head is None else [dcc.Store(id=woken(key), data=address), page.head(view)]
    title = dmc.Title(page.title, order=1, size="h2", mb="md")
    return html.Div([title, *head, *frames(key, page, address)], **page_mark(key))


def missing() -> Component:
    """What stands in the place of a page that is not there, or not for the person who asks."""
    return dmc.Stack(
        [
            dmc.Title("There is no such page", order=1),
            dmc.Text("It may have moved, or your role does not include it. The navigation shows all that you may see."),
            dcc.Link("To the portfolio", href="/"),
        ],
        align="start",
        mt="xl",
    )
