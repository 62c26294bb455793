"""Which field of a definition may change when. `docs/editability.md` is this table."""

from typing import NamedTuple


class Editability(NamedTuple):
    """When a field of a started experiment may change, and whether that opens a new revision.

    A draft may change in everything but its key and salt; of a stopped experiment only the name may; nothing of an
    archived one.
    """

    while_running: bool
    while_paused: bool
    opens_revision: bool
    why: str


_FREE = Editability(True, True, False, "changes nobody's chances")
_LIMIT = Editability(True, True, False, "leaves arms out before the draw, which every decision records")
_REVISION = Editability(True, True, True, "changes chances or what is counted; readouts stratify by revision")
_CAP = Editability(True, True, True, "is fixed before a revision's first decision; a new cap counts from there on")
_PAUSED = Editability(False, True, True, "changes who takes part or what is measured")
_PAUSED_FREE = Editability(False, True, False, "changes no decision that is made")
_FIXED = Editability(False, False, False, "is what the experiment is; clone it instead")

EDITABILITY: dict[str, Editability] = {
    "key": _FIXED,
    "salt": _FIXED,
    "clock": _FIXED,
    "name": _FREE,
    "caps": _LIMIT,
    "quiet_hours": _LIMIT,
    "budget": _LIMIT,
    "guardrails": _FREE,
    "stop": _FREE,
    "ends_at": _FREE,
    "arms": _REVISION,
    "variants": _REVISION,
    "shadow": _REVISION,
    "objective": _REVISION,
    "cap_revenue": _CAP,
    "attribution_window": _REVISION,
    "decision_window": _REVISION,
    "learning_window": _REVISION,
    "grace": _REVISION,
    "eligible": _PAUSED,
    "context": _PAUSED,
    "segments": _PAUSED,
    "metrics": _PAUSED,
    "currency": _PAUSED,
    "layer": _PAUSED,
    "ramp": _PAUSED,
    "time_zone": _PAUSED_FREE,
    "control": _PAUSED_FREE,
    "starts_at": _PAUSED_FREE,
    "ofrep_bulk": _PAUSED_FREE,
}

FIXED_IN_DRAFTS = frozenset({"key", "salt"})
FREE_WHEN_STOPPED = frozenset({"name"})


def forbidden(changed: set[str], status: str) -> set[str]:
    """Those of the changed fields that may not change in this status."""
    if status == "draft":
        return changed & FIXED_IN_DRAFTS
    if status == "running":
        return {name for name in changed if not EDITABILITY[name].while_running}
    if status == "paused":
        return {name for name in changed if not EDITABILITY[name].while_paused}
    return changed - FREE_WHEN_STOPPED if status == "stopped" else changed


def as_markdown() -> str:
    """The table of the documentation."""
    rows = [f"| `{name}` | {_when(rule)} | {_yes(rule.opens_revision)} | {rule.why} |" for name, rule in _sorted()]
    return "\n".join(
        [
            "# What may change when",
            "",
            "Of a started experiment. A draft may change in everything but its `key` and `salt`; of a stopped",
            "experiment only the `name` may change, of an archived one nothing. What may not change is a 409.",
            "Enabling or disabling an arm, its cost and its weight are adjustments (`PATCH …/arms/{arm}`),",
            "possible at any time until the experiment is stopped.",
            "",
            "| field | may change | opens a revision | because it |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _sorted() -> list[tuple[str, Editability]]:
    return sorted(EDITABILITY.items(), key=lambda item: (not item[1].while_running, not item[1].while_paused, item[0]))


def _when(rule: Editability) -> str:
    if rule.while_running:
        return "while running or paused"
    return "while paused" if rule.while_paused else "never"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
