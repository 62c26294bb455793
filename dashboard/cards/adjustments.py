"""Adjustments in force, and the buttons that a campaign's state allows."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.aria import labelled
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.format import moment, money, percent

ACT = "act"
"""Type of the buttons' ids."""

GUARDED = "guardrail: "
"""How the reason of a pause begins that a guardrail made."""

MOST = 60
"""Arms that are listed with buttons."""

MOVES = {"start": "Start", "pause": "Pause", "resume": "Resume", "stop": "Stop…", "archive": "Archive…"}
Document = Mapping[str, Any]


def button(verb: str, on: str, label: str, about: str = "", **options: Any) -> Component:
    """Does `verb`, or asks for what it takes."""
    spoken = labelled(f"{label.rstrip('…')} {about}") if about else {}
    given = {"variant": "default", "size": "compact-sm", **options}
    return dmc.Button(label, id={"type": ACT, "verb": verb, "on": on}, **given, **spoken)


def moves(verbs: Sequence[str], budget: bool) -> Component:
    """The campaign's own buttons."""
    shown = [
        button(verb, "", MOVES[verb], "the campaign", size="sm", **({"variant": "filled"} if verb == "start" else {}))
        for verb in MOVES
        if verb in verbs
    ]
    if budget:
        shown.append(button("budget", "", "Change the budget…", size="sm"))
    return dmc.Group(shown, gap="xs")


def in_force(document: Document, zone: str, currency: str, may: bool) -> Component:
    """Every adjustment with its reason and expiry, and the way to end it."""
    rows = [
        {
            "what": _told(each, currency),
            "why": dmc.Text(each["reason"], size="sm"),
            "by": each["by"],
            "until": moment(each["expires_at"], zone) if each["expires_at"] else "ended by hand",
            "action": _ending(each) if may else "",
        }
        for each in document["adjustments"]
    ]
    columns = {"what": "In force", "why": "Why", "by": "By", "until": "Until", "action": ""}
    return table(columns, rows, "Adjustments in force", 640)


def _told(each: Document, currency: str) -> str:
    if "variant" in each:
        return f"Variant {each['variant']} is paused"
    arm = each["arm"]
    if "enabled" in each:
        return f"Arm {arm} is {'switched on' if each['enabled'] else 'paused'}"
    if "weight" in each:
        return f"Arm {arm} gets {percent(each['weight'])} of the decisions"
    return f"Arm {arm} costs {money(each.get('cost'), currency)}"


def _ending(each: Document) -> Component:
    """A pause by a guardrail is resumed with a reason; anything else just ends."""
    told = _told(each, "")
    if "variant" in each:
        return button("variant-resume", each["variant"], "Resume…", f"variant {each['variant']}")
    if each.get("enabled") is False and str(each["reason"]).startswith(GUARDED):
        return button("arm-enable", each["arm"], "Resume…", f"arm {each['arm']}")
    kind = next(name for name in ("enabled", "cost", "weight") if name in each)
    return button(f"end-{kind}", each["arm"], "End now", told)


def subjects(document: Document, may: bool) -> Component:
    """Variants and arms with what can be done about each."""
    paused = {each["variant"] for each in document["adjustments"] if "variant" in each}
    off = {each["arm"] for each in document["adjustments"] if each.get("enabled") is False}
    rows = [_variant(each["key"], each["key"] in paused, may) for each in document["variants"]]
    rows += [_arm(each["key"], each["key"] in off, may) for each in document["arms"][:MOST]]
    more = len(document["arms"]) - MOST
    parts = [table({"name": "", "now": "Now", "action": ""}, rows, "Variants and arms", 480)]
    if more > 0:
        parts.append(dmc.Text(f"{more} more arms are adjusted by API.", size="sm", c="dimmed"))
    return dmc.Stack(parts, gap="xs")


def _variant(key: str, paused: bool, may: bool) -> dict[str, Any]:
    verb, label = ("variant-resume", "Resume…") if paused else ("variant-pause", "Pause…")
    action = button(verb, key, label, f"variant {key}") if may else ""
    return {"name": f"Variant {key}", "now": state("paused" if paused else "active"), "action": dmc.Group([action])}


def _arm(key: str, off: bool, may: bool) -> dict[str, Any]:
    verb, label = ("arm-enable", "Resume…") if off else ("arm-pause", "Pause…")
    about = f"arm {key}"
    actions = [
        button(verb, key, label, about),
        button("weight", key, "Weight…", about),
        button("cost", key, "Cost…", about),
    ]
    return {
        "name": f"Arm {key}",
        "now": state("paused" if off else "active"),
        "action": dmc.Group(actions if may else [], gap=6),
    }
