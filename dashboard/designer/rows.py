"""Parts of the form that repeat: conditions, arms, variants, tables of rules."""

import json
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from bandit.policies import POLICIES
from bandit.policies.parameters import FLOOR_MASS
from bandit.rounds import NOTHING
from dashboard.designer.conditions import MATCHES, OPERATORS, VALUELESS, conditions_of
from dashboard.designer.document import look, pointer
from dashboard.designer.field_renderer import FieldRenderer
from dashboard.designer.words import DUE, choices, policy_choices, policy_sentence

COLUMNS = {"base": 1, "xs": 2, "xl": 3}
NARROW = {"base": 1, "xs": 2, "xl": 4}


QUIET = {"variant": "subtle", "color": "gray"}
"""How buttons look that take something away."""


def row_of(fields: list[Component], cols: dict[str, int] | None = None) -> Component:
    """Fields side by side, as many as there is room for."""
    return dmc.SimpleGrid(fields, cols=cols or COLUMNS, spacing="sm", verticalSpacing="xs")


def fieldset(legend: str, parts: list[Component]) -> Component:
    """Fields that belong together, named for screen readers too."""
    return dmc.Fieldset(dmc.Stack(parts, gap="xs"), legend=legend, variant="default", p="sm", pt="xs")


def conditions(
    renderer: FieldRenderer, at: str, about: str, add: str = "Add a condition", beside: tuple[Component, ...] = ()
) -> list[Component]:
    """A rule as rows; as it is written, where rows cannot say it. `beside`: more buttons."""
    rule = look(renderer.document, at)
    found = conditions_of(rule)
    if found is None:
        told = dmc.Text("This rule is more than rows can say; it stays as it is. Edit it by API.", size="sm")
        return [told, dmc.Code(json.dumps(rule, indent=2), block=True), dmc.Group(list(beside), justify="flex-end")]
    parts: list[Component] = []
    if len(found.rows) > 1:
        parts.append(renderer.choice(at, f"{about}: holds where", choices(MATCHES), "match", maw=260))
    parts += [_condition(renderer, f"{at}#{number}", row.operator, about) for number, row in enumerate(found.rows)]
    return [*parts, dmc.Group([renderer.button("add", at, add, about), *beside], justify="space-between")]


def _condition(renderer: FieldRenderer, at: str, operator: str, about: str) -> Component:
    fields: list[Component] = [
        renderer.suggested(at, "Feature", "feature", renderer.features),
        renderer.choice(at, "Comparison", choices(OPERATORS), "operator"),
    ]
    if operator not in VALUELESS:
        hint = {"placeholder": "DE, AT, CH"} if operator == "in" else {}
        fields.append(renderer.text(at, "Value", "operand", **hint))
    gone = renderer.button("remove", at, "Remove condition", about, **QUIET)
    return row_of([*fields, dmc.Group([gone], align="end", h="100%")], {"base": 1, "xs": 2, "md": 4})


def arm(renderer: FieldRenderer, place: int) -> Component:
    """One arm."""
    at, one = pointer("arms", place), renderer.document["arms"][place]
    key = one.get("key") or "without a key"
    if key == NOTHING:
        told = dmc.Text("Nothing is sent and nothing is spent: what would have happened anyway.", size="sm")
        return fieldset(
            f"Arm {NOTHING}", [dmc.Group([told, _remove(renderer, at, "Remove arm", key)], justify="space-between")]
        )
    fields = [
        renderer.text(f"{at}/key", "Key"),
        renderer.suggested(f"{at}/event_type", "Event type", "optional", _events(renderer)),
        renderer.suggested(f"{at}/reward_kind", "Kind of reward", "optional", ["coupon", "credit", "points", "gift"]),
        renderer.number(f"{at}/reward_amount", "Reward shown"),
        renderer.number(f"{at}/reward_cost", "Reward costs you"),
        renderer.number(f"{at}/contact_cost", "Contact costs", decimalScale=4),
        renderer.choice(f"{at}/cost_on", "Its cost falls due", choices(DUE, one.get("cost_on")), searchable=True),
    ]
    gone = (_remove(renderer, at, "Remove arm", key),)
    own = conditions(renderer, f"{at}/eligible", f"Arm {key}", "Only for some users", gone)
    return fieldset(f"Arm {key}", [row_of(fields, NARROW), *own])


def _events(renderer: FieldRenderer) -> list[str]:
    used = [str(one["event_type"]) for one in renderer.document["arms"] if one.get("event_type")]
    return list(dict.fromkeys([*used, "email", "push", "bogo", "quest", "discount", "tournament"]))


def _remove(renderer: FieldRenderer, at: str, label: str, about: str) -> Component:
    return renderer.button("remove", at, label, about, **QUIET)


def variant(renderer: FieldRenderer, place: int) -> Component:
    """One variant with its policy."""
    at, one = pointer("variants", place), renderer.document["variants"][place]
    key, policy = one.get("key") or "without a key", one["policy"]
    name = policy.get("name")
    fields = [
        renderer.text(f"{at}/key", "Key"),
        renderer.number(f"{at}/share", "Share of users", "percent"),
        renderer.choice(f"{at}/policy", "What decides", policy_choices(name), "policy", searchable=True),
    ]
    if name == "fixed":
        fields.append(renderer.arm(f"{at}/policy/params/arm", "Everybody gets"))
    told = dmc.Text([policy_sentence(str(name)), f" ({name})"], size="sm", c="dimmed", flex="1 1 220px")
    known = POLICIES.get(name)
    own = _POLICY_PARTS.get(str(name), _learned if known is not None and known.learned else _plain)(renderer, at)
    foot = dmc.Group([told, _remove(renderer, at, "Remove variant", key)], justify="space-between")
    return fieldset(f"Variant {key}", [row_of(fields, {"base": 1, "xs": 2}), *own, foot])


def _plain(_renderer: FieldRenderer, _at: str) -> list[Component]:
    return []


def _learned(renderer: FieldRenderer, at: str) -> list[Component]:
    floor = renderer.number(
        f"{at}/policy/floor",
        "Least chance of every arm",
        "percent",
        placeholder=f"empty: {FLOOR_MASS:.0%} in all",
        description="so that all are still tried",
    )
    learns = [{"value": "own", "label": "its own users"}, {"value": "all", "label": "all variants' users"}]
    learning = renderer.choice(f"{at}/learn_from", "Learns from", learns, description="whose outcomes")
    return [row_of([floor, learning], {"base": 1, "xs": 2})]


def _split(renderer: FieldRenderer, at: str) -> list[Component]:
    weights = look(renderer.document, f"{at}/policy/params/weights")
    names = weights if isinstance(weights, dict) else {}
    base = f"{at}/policy/params/weights"
    return [row_of([renderer.number(base + pointer(name), f"Weight of {name}", "percent") for name in names])]


def _rules(renderer: FieldRenderer, at: str) -> list[Component]:
    params: dict[str, Any] = look(renderer.document, f"{at}/policy/params") or {}
    name = "list" if "list" in params else "rules"
    table = params.get(name) or []
    base = f"{at}/policy/params/{name}"
    lines = [_line(renderer, f"{base}/{number}", number) for number in range(len(table))]
    default = row_of([renderer.arm(f"{at}/policy/params/default", "Everybody else gets")])
    return [*lines, dmc.Group([renderer.button("add", base, "Add a line")]), default]


def _line(renderer: FieldRenderer, at: str, number: int) -> Component:
    told = f"Line {number + 1}"
    gone = (_remove(renderer, at, "Remove line", told),)
    return fieldset(
        told, [*conditions(renderer, f"{at}/when", told, beside=gone), row_of([renderer.arm(f"{at}/arm", "Then")])]
    )


_POLICY_PARTS = {"split": _split, "rules": _rules}
