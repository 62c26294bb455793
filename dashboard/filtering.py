"""The filter bar and the address: whichever changed, the other follows."""

from typing import Any

from dash import Input, Output, State, ctx

from dashboard.callbacks import Callbacks
from dashboard.data.campaigns import choices
from dashboard.filters import CUSTOM, Filters
from dashboard.page import View
from dashboard.prefetching import PendingFacts
from dashboard.who import Who

CONTROLS = (
    ("campaign", "value"),
    ("event-type", "value"),
    ("segment", "value"),
    ("period", "value"),
    ("days", "value"),
    ("compare", "checked"),
)


def register(callbacks: Callbacks, foresight: PendingFacts) -> None:
    """One callback in both directions: Dash never calls it again for what it wrote itself."""

    @callbacks.on(
        "read",
        Output("url", "search"),
        *[Output(name, prop) for name, prop in CONTROLS],
        Output("campaign", "data"),
        Output("event-type", "data"),
        Output("segment", "data"),
        Output("days", "style"),
        Output("compare", "style"),
        Input("url", "search"),
        *[Input(name, prop) for name, prop in CONTROLS],
        State("url", "pathname"),
    )
    def filtered(who: Who, search: str, *values: Any) -> Any:
        filters = Filters.parse(search)
        if ctx.triggered_id in {name for name, _ in CONTROLS}:
            filters = chosen(filters, values[: len(CONTROLS)], str(ctx.triggered_id))
            foresight.of(values[len(CONTROLS)], View(who, filters))
        campaigns, events, segments = choices(who, filters.campaign)
        if filters.campaign is None and campaigns:
            filters = Filters.parse(f"{filters.search() or '?'}&campaign={campaigns[0]['value']}")
        days = [filters.since, filters.until] if filters.period == CUSTOM else [None, None]
        hidden = {} if filters.period == CUSTOM else {"display": "none"}
        shown = (filters.campaign, filters.event_type, filters.segment, filters.period, days, filters.compare)
        comparable = {"display": "none"} if filters.period == "all" else {}
        return (filters.search(), *shown, campaigns, events, segments, hidden, comparable)


def chosen(before: Filters, values: tuple[Any, ...], changed: str) -> Filters:
    """The filters that the controls say. Another campaign has other event types and segments."""
    campaign, event_type, segment, period, days, compare = values
    if changed == "campaign":
        event_type = segment = None
    since, until = (days[0], days[1]) if period == CUSTOM and days and all(days) else (None, None)
    if period == CUSTOM and changed == "period" and since is None:
        since, until = before.since, before.until
    return Filters(campaign, event_type, segment, period, since, until, bool(compare), before.own)
