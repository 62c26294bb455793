"""Rows and optional parts of a definition: adding one, removing one."""

import re
from typing import Any

from bandit.rounds import NOTHING
from dashboard.designer.conditions import Condition, Conditions, conditions_of, rule_of
from dashboard.designer.document import Json, look, put, steps_of, without
from dashboard.designer.edits import free_key, scaled
from dashboard.designer.words import GUARDED

_RULE = re.compile(r"^/eligible$|^/arms/\d+/eligible$|^/variants/\d+/policy/params/(rules|list)/\d+/when$")
_TABLE = re.compile(r"^/variants/\d+/policy/params/(rules|list)$")

PRESETS: dict[str, tuple[str, Any]] = {
    "all": ("Everyone", None),
    "30-60": (
        "Gone 30–60 days",
        {"and": [{">=": [{"var": "days_inactive"}, 30]}, {"<": [{"var": "days_inactive"}, 60]}]},
    ),
    "60-180": (
        "Gone 60–180 days",
        {"and": [{">=": [{"var": "days_inactive"}, 60]}, {"<": [{"var": "days_inactive"}, 180]}]},
    ),
    "30+": ("Gone 30 days or more", {">=": [{"var": "days_inactive"}, 30]}),
}
"""Audiences by one click: name → (label, rule)."""

OPTIONAL_PARTS: dict[str, Json] = {
    "/quiet_hours": {"from": "21:00", "to": "08:00", "time_zone": None},
    "/budget": {"amount": 1000.0, "ends_at": None, "pacing": "none"},
    "/caps/reward": {"per_unit": 10.0, "within": "P30D", "total": None},
    "/stop": {
        "date": "P28D", "sample": None, "precision": None, "futility": None, "guardrail": None,
        "variant": None, "versus": None, "action": "recommend",
    },
}  # fmt: skip
"""Parts that a definition may do without, as they begin."""

ROWS: dict[str, Json] = {
    "/caps/contacts": {"per": "unit", "max": 3, "within": "P7D", "scope": "experiment"},
    "/guardrails": {
        "metric": "unsubscribe", "worst": 0.01, "relative": False, "on": "variant", "action": "pause",
        "versus": None, "better": None,
    },
}  # fmt: skip
"""Rows as they begin."""

NEW_ARM: Json = {
    "key": "offer", "event_type": "email", "reward_kind": None, "reward_amount": 0.0, "reward_cost": 0.0,
    "cost_on": "decision", "contact_cost": 0.0, "attributes": {}, "payload": {}, "eligible": None, "catalogue": None,
}  # fmt: skip


def acted(document: Json, verb: str, at: str) -> Json:
    """The definition after a button: `add` or `remove` at a place, or `preset:NAME` for a rule."""
    if verb == "add":
        return _added(document, at)
    if verb == "remove":
        return _removed(document, at)
    if verb == "even":
        return {**document, "variants": scaled([{**each, "share": 1.0} for each in document["variants"]], 1.0)}
    name = verb.partition(":")[2]
    made: Json = put(document, at, PRESETS[name][1]) if name in PRESETS else document
    return made


def _added(document: Json, at: str) -> Json:
    if _RULE.match(at):
        return _put(document, at, _longer(look(document, at)))
    if _TABLE.match(at):
        row = {"when": {">=": [{"var": "days_inactive"}, 30]}, "arm": _first_offer(document)}
        return _put(document, at, [*(look(document, at) or []), row])
    if at == "/arms":
        return {**document, "arms": [*document["arms"], {**NEW_ARM, "key": free_key("offer", document["arms"])}]}
    if at == "/variants":
        return _with_variant(document)
    if at in OPTIONAL_PARTS:
        return _put(document, at, OPTIONAL_PARTS[at])
    return _put(document, at, [*look(document, at), _new_row(document, at)]) if at in ROWS else document


def _new_row(document: Json, at: str) -> Json:
    """Another guardrail watches what none watches yet."""
    row = ROWS[at]
    if at != "/guardrails":
        return row
    watched = {each.get("metric") for each in document["guardrails"] if each.get("on") == "variant"}
    return {**row, "metric": next((metric for metric in GUARDED if metric not in watched), row["metric"])}


def _longer(rule: Any) -> Any:
    found = conditions_of(rule)
    return rule if found is None else rule_of(Conditions(found.match, (*found.rows, Condition()), found.wrapped))


def _with_variant(document: Json) -> Json:
    """The new one has an equal part; the others make room for it."""
    variants = document["variants"]
    part = round(1 / (len(variants) + 1), 6)
    made = {
        "key": free_key("variant", variants),
        "share": part,
        "policy": {"name": "fixed", "floor": None, "params": {"arm": _first_offer(document)}},
        "learn_from": "own",
    }
    return {**document, "variants": [*scaled(variants, 1 - part), made]}


def _removed(document: Json, at: str) -> Json:
    place, _, row = at.partition("#")
    if row:
        found = conditions_of(look(document, place)) or Conditions()
        kept = tuple(each for number, each in enumerate(found.rows) if str(number) != row)
        return _put(document, place, rule_of(found._replace(rows=kept)))
    if at in OPTIONAL_PARTS:
        return _put(document, at, None)
    steps = steps_of(at)
    gone = look(document, at)
    made: Json = without(document, at)
    if steps[0] == "arms" and len(steps) == 2 and isinstance(gone, dict):
        made = without(made, f"/caps/arms/{gone['key']}")
    if steps[0] == "variants" and len(steps) == 2 and made["variants"]:
        made = {**made, "variants": scaled(made["variants"], 1.0)}
    return made


def _first_offer(document: Json) -> str:
    return next((arm["key"] for arm in document["arms"] if arm["key"] != NOTHING), NOTHING)


def _put(document: Json, at: str, value: Any) -> Json:
    made: Json = put(document, at, value)
    return made
