"""The mapping table of Segment's calls: event name → outcome kinds and the property that holds their value."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.errors import Fault
from experiments.model.designing.kinds import OUTCOME_KINDS

NAME = "tracking"
"""Of the setting that holds it."""

MOST_EVENTS = 500
MOST_RULES = 10
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NOT_KIND = re.compile(r"[^a-z0-9]+")


class Rule(NamedTuple):
    """One outcome that an event becomes. With `value`, only where one of these properties holds a number."""

    kind: str
    value: tuple[str, ...] = ()


class Table(NamedTuple):
    """Events by name; pages and screens by `page` and `screen`. `unmapped`: keep (under a kind of its own) or drop."""

    events: Mapping[str, tuple[Rule, ...]]
    page: tuple[Rule, ...]
    screen: tuple[Rule, ...]
    unmapped: str

    def rules(self, call: str, event: str) -> tuple[Rule, ...]:
        """What a call of this type and event becomes."""
        if call in ("page", "screen"):
            found: tuple[Rule, ...] = getattr(self, call)
            return found
        known = self.events.get(event)
        if known is not None:
            return known
        return (Rule(own_kind(event)),) if self.unmapped == "keep" else ()


_SESSION = (Rule("session"),)
DEFAULT = Table(
    events={
        "Order Completed": (Rule("conversion"), Rule("revenue", ("revenue", "total", "value"))),
        "Application Opened": _SESSION,
        "Signed In": _SESSION,
        "Coupon Applied": (Rule("reward_redeemed"),),
        "Email Delivered": (Rule("delivered"),),
        "Email Opened": (Rule("view"),),
        "Email Link Clicked": (Rule("click"),),
        "Unsubscribed": (Rule("unsubscribe"),),
        "Push Notification Received": (Rule("delivered"),),
        "Push Notification Tapped": (Rule("click"),),
        "Promotion Viewed": (Rule("view"),),
        "Promotion Clicked": (Rule("click"),),
    },
    page=_SESSION,
    screen=_SESSION,
    unmapped="keep",
)
"""Events of Segment's own spec that mean one of our kinds."""


def own_kind(event: str) -> str:
    """The kind under which an event without a rule is kept: never one of ours, so that no default metric changes."""
    slug = _NOT_KIND.sub("_", event.lower()).strip("_")[:56].strip("_")
    if _KIND.fullmatch(slug) and slug not in OUTCOME_KINDS:
        return slug
    return f"track_{slug}" if slug else "track"


def as_table(stored: Mapping[str, Any]) -> Table:
    """The table that a setting holds."""
    return Table(
        {name: _rules(rules) for name, rules in stored["events"].items()},
        _rules(stored["page"]),
        _rules(stored["screen"]),
        stored["unmapped"],
    )


def as_setting(table: Table) -> dict[str, Any]:
    """The inverse of `as_table`."""
    return {
        "events": {name: _written(rules) for name, rules in table.events.items()},
        "page": _written(table.page),
        "screen": _written(table.screen),
        "unmapped": table.unmapped,
    }


def _rules(stored: list[dict[str, Any]]) -> tuple[Rule, ...]:
    return tuple(Rule(each["kind"], tuple(each.get("value") or ())) for each in stored)


def _written(rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
    return [{"kind": rule.kind, "value": list(rule.value)} for rule in rules]


def table_faults(wish: Mapping[str, Any]) -> list[Fault]:
    """Everything that keeps a setting from being a table."""
    lists = {f"/events/{name[:200]}": rules for name, rules in wish["events"].items()}
    lists |= {"/page": wish["page"], "/screen": wish["screen"]}
    faults = [fault for where, rules in lists.items() for fault in _rule_faults(where, rules)]
    if len(wish["events"]) > MOST_EVENTS:
        faults.append(Fault("/events", f"at most {MOST_EVENTS} events have rules"))
    return faults


def _rule_faults(where: str, rules: list[dict[str, Any]]) -> list[Fault]:
    faults = [
        Fault(f"{where}/{place}/kind", "a kind has lower-case letters, digits and _, at most 64, a letter first")
        for place, rule in enumerate(rules)
        if not _KIND.fullmatch(rule["kind"])
    ]
    if len({rule["kind"] for rule in rules}) < len(rules):
        faults.append(Fault(where, "names a kind twice: one event counts once per kind"))
    if len(rules) > MOST_RULES:
        faults.append(Fault(where, f"has {len(rules)} rules; at most {MOST_RULES}"))
    return faults
