"""Campaigns to choose from."""

from typing import Any

from dashboard.format import title
from dashboard.who import Who
from experiments.errors import NotFoundError
from experiments.views.experiments import experiment, experiments
from experiments.views.paging import Wanted
from experiments.views.units.segment_names import segment_names

Choice = dict[str, str]
SHOWN = {"running": 0, "paused": 1, "stopped": 2, "draft": 3, "archived": 4}
MOST = 500


def campaigns(who: Who) -> list[dict[str, Any]]:
    """Heads of all campaigns: running ones first, then the newest. Raises ForbiddenError."""
    items = experiments(who.engine, who.principal, Wanted(limit=MOST))["items"]
    return sorted(items, key=lambda head: SHOWN.get(head["status"], 9))


def campaign(who: Who, key: str) -> dict[str, Any]:
    """One campaign's definition and state. Raises ForbiddenError, NotFoundError."""
    return experiment(who.engine, who.principal, key)


def choices(who: Who, key: str | None) -> tuple[list[Choice], list[Choice], list[Choice]]:
    """What the filters offer: campaigns, and the event types and segments of the chosen one (else of the first)."""
    heads = campaigns(who)
    listed = [{"value": head["key"], "label": head["name"] or head["key"]} for head in heads]
    chosen = key or (heads[0]["key"] if heads else None)
    if chosen is None:
        return listed, [], []
    try:
        definition = campaign(who, chosen)
        segments = segment_names(who.engine, who.principal, chosen)
    except NotFoundError:
        return listed, [], []
    events = sorted({arm["event_type"] for arm in definition["arms"] if arm.get("event_type")})
    return listed, [_choice(event, title(event)) for event in events], [_choice(name, name) for name in segments]


def _choice(value: str, label: str) -> Choice:
    return {"value": value, "label": label}
