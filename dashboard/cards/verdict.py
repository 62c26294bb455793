"""The verdict in words, and the trust checks that come before it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.format import title
from dashboard.icons import icon

_NAMES = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
COLORS = {
    "ship": "teal",
    "stop for harm": "red",
    "don't trust": "red",
    "keep running": "blue",
    "no difference worth having": "gray",
}
OVER = ("stopped", "archived")
HEADLINES = {
    "ship": "Ship it",
    "stop for harm": "Stop: it does harm",
    "don't trust": "Don't trust these numbers",
    "keep running": "Keep it running",
    "no difference worth having": "No difference worth having",
}


def headline(verdict: Mapping[str, Any], status: str) -> str:
    """The verdict as a headline; what is over cannot be kept running."""
    word = str(verdict["word"])
    if word == "keep running" and status in OVER:
        return "Stopped before it could tell"
    return HEADLINES.get(word, _sentence(word))


def verdict_banner(verdict: Mapping[str, Any], status: str, context: str) -> Component:
    """What to do, why, and of what this is said."""
    word = str(verdict["word"])
    days = verdict.get("days_left")
    told = [*_standing(verdict), dmc.Text(_sentence(str(verdict["reason"])), size="sm")]
    if days is not None:
        told.append(dmc.Text(f"Decided in about {max(days, 1):,.0f} days at this pace.", size="sm", fw=600))
    told.append(dmc.Text(context, size="xs", c="dimmed"))
    return dmc.Alert(
        dmc.Stack(told, gap=4),
        title=headline(verdict, status),
        color=COLORS.get(word, "gray"),
        variant="outline",
        styles={"title": {"fontSize": "1.15rem", "color": "var(--mantine-color-text)"}},
    )


def _standing(verdict: Mapping[str, Any]) -> list[Component]:
    """Which variant pays best, and what is to be done about those that lose."""
    best, leading = verdict.get("best"), verdict.get("leading")
    lines = []
    if best is not None:
        lines.append(f"{best} is the best of all variants.")
    elif leading is not None:
        lines.append(f"{leading} leads so far; it is not certain yet that it is the best of all variants.")
    lines += [f"{_who(one)} loses against {one['versus']}: {one['action']}." for one in verdict.get("losing") or ()]
    return [dmc.Text(line, size="sm", fw=600) for line in lines]


def _who(loss: Mapping[str, Any]) -> str:
    return str(loss["key"]) if loss["kind"] == "variant" else f"Arm {loss['key']}"


def _sentence(text: str) -> str:
    plain = _NAMES.sub(lambda found: found[0].replace("_", " "), text)
    return plain[:1].upper() + plain[1:]


def checks_list(checks: Sequence[Mapping[str, Any]]) -> Component:
    """Failed checks in full, before anything else; the others folded away."""
    failed = [check for check in checks if check["status"] == "failed"]
    warned = [check for check in checks if check["status"] == "warning"]
    parts: list[Component] = [
        dmc.Alert(
            check["detail"],
            title=f"Check failed: {title(check['name'])}" if check in failed else f"Look at: {title(check['name'])}",
            color="red" if check in failed else "orange",
            variant="outline",
            icon=icon("warning"),
        )
        for check in [*failed, *warned]
    ]
    passed = sum(check["status"] in ("ok", "passed") for check in checks)
    waiting = len(checks) - passed - len(failed) - len(warned)
    label = f"{passed} of {len(checks)} trust checks passed" + (f", {waiting} wait for data" if waiting else "")
    rows = [{"name": title(one["name"]), "status": state(_word(one)), "detail": one["detail"]} for one in checks]
    columns = {"name": "Check", "status": "", "detail": "What it found"}
    folded = dmc.Accordion(
        dmc.AccordionItem(
            [
                dmc.AccordionControl(dmc.Text(label, size="sm", fw=600)),
                dmc.AccordionPanel(table(columns, rows, "Trust checks")),
            ],
            value="checks",
        ),
        variant="contained",
    )
    return dmc.Stack([*parts, folded], gap="sm")


def _word(check: Mapping[str, Any]) -> str:
    return {"ok": "passed", "too_few": "waiting"}.get(check["status"], str(check["status"]))
