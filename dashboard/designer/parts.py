"""The parts of the form. To add one: a function here and a line in PARTS."""

import json
from collections.abc import Callable
from functools import cache
from typing import NamedTuple
from zoneinfo import available_timezones

import dash_mantine_components as dmc
from dash.development.base_component import Component

from bandit.rounds import NOTHING
from dashboard.designer import rows
from dashboard.designer.beyond import beyond
from dashboard.designer.capping import speaks_of_money
from dashboard.designer.edits import holdout_of
from dashboard.designer.field_renderer import FieldRenderer
from dashboard.designer.rows import fieldset, row_of
from dashboard.designer.structure import PRESETS
from dashboard.designer.words import CURRENCIES, GUARDED, MAXIMISED, RAMPS, choices, names

CAP_WHY = (
    "One large order can decide a mean. Verdicts about money count each user's revenue up to this amount; sums stay "
    "whole. Fixed once users are decided for."
)


class Part(NamedTuple):
    """One part: what it is about, which fields of a definition it owns, how it is drawn; `folded` until opened."""

    title: str
    explain: str
    owns: tuple[str, ...]
    draw: Callable[[FieldRenderer], list[Component]]
    folded: bool = False


def _basics(renderer: FieldRenderer) -> list[Component]:
    zones = names(_zones(), renderer.document["time_zone"])
    fields = [
        renderer.text("/name", "Name"),
        renderer.text("/key", "Key", description="for addresses and the API"),
        renderer.choice("/currency", "Currency", names(CURRENCIES, renderer.document["currency"]), searchable=True),
        renderer.choice("/time_zone", "Time zone", zones, searchable=True, limit=60),
        renderer.choice(
            "/objective/maximise", "What to maximise", choices(MAXIMISED, _maximised(renderer)), searchable=True
        ),
    ]
    if _maximised(renderer) == "net_value":
        fields.append(renderer.number("/objective/margin", "Margin on revenue", "percent"))
    if speaks_of_money(renderer.document):
        label = f"A user's revenue counts up to ({renderer.document['currency']})"
        fields.append(renderer.number("/cap_revenue", label, description=CAP_WHY))
    return [row_of(fields)]


@cache
def _zones() -> tuple[str, ...]:
    # Listing them reads the disk.
    return tuple(sorted(available_timezones()))


def _maximised(renderer: FieldRenderer) -> object:
    return renderer.document["objective"]["maximise"]


def _audience(renderer: FieldRenderer) -> list[Component]:
    presets = [
        renderer.button(f"preset:{name}", "/eligible", label, radius="xl") for name, (label, _) in PRESETS.items()
    ]
    return [dmc.Group(presets, gap="xs"), *rows.conditions(renderer, "/eligible", "Audience")]


def _arms(renderer: FieldRenderer) -> list[Component]:
    drawn = [rows.arm(renderer, place) for place in range(len(renderer.document["arms"]))]
    return [*drawn, dmc.Group([renderer.button("add", "/arms", "Add an arm")])]


def _variants(renderer: FieldRenderer) -> list[Component]:
    place = holdout_of(renderer.document)
    now = "0" if place is None else f"{100 * renderer.document['variants'][place]['share']:g}"
    offered = sorted({"0", "5", "10", "20", now}, key=float)
    data = [{"value": share, "label": "none" if share == "0" else f"{share} %"} for share in offered]
    switch = renderer.switch("/variants#holdout", f"Holdout: users who get {NOTHING}", data, "holdout")
    keys = [each["key"] for each in renderer.document["variants"]]
    control = renderer.choice(
        "/control", "Compare with", names([*keys, NOTHING], renderer.document["control"]), clearable=True
    )
    drawn = [rows.variant(renderer, each) for each in range(len(keys))]
    buttons = [
        renderer.button("add", "/variants", "Add a variant"),
        renderer.button("even", "/variants", "Equal shares"),
    ]
    return [row_of([switch, control], {"base": 1, "xs": 2}), *drawn, dmc.Group(buttons)]


def _schedule(renderer: FieldRenderer) -> list[Component]:
    now = json.dumps(renderer.document["ramp"], sort_keys=True)
    data = [{"value": json.dumps(ramp, sort_keys=True), "label": label} for label, ramp in RAMPS.values()]
    if now not in {each["value"] for each in data}:
        data.append({"value": now, "label": f"As it is: {len(renderer.document['ramp'])} steps"})
    fields = [
        renderer.choice("/ramp", "How it begins", data, "json"),
        renderer.moment("/starts_at", "Starts", description="empty: when you start it"),
        renderer.moment("/ends_at", "Ends", description="empty: when you stop it"),
    ]
    return [row_of(fields)]


def _windows(renderer: FieldRenderer) -> list[Component]:
    fields = [
        renderer.span("/attribution_window", "Outcomes count for", description="after the decision"),
        renderer.span("/decision_window", "A decision holds for", description="then the user is decided anew"),
        renderer.span(
            "/learning_window", "Learn after", clearable=True, description="empty: once outcomes are complete"
        ),
    ]
    return [row_of(fields)]


def _limits(renderer: FieldRenderer) -> list[Component]:
    contacts = [_contact_cap(renderer, place) for place in range(len(renderer.document["caps"]["contacts"]))]
    more = renderer.button("add", "/caps/contacts", "Add a contact cap")
    arms = [arm["key"] for arm in renderer.document["arms"] if arm.get("key") and arm["key"] != NOTHING]
    totals = [renderer.number(f"/caps/arms/{key}", f"At most, of {key}", "arm-cap") for key in arms if "/" not in key]
    return [
        *contacts,
        dmc.Group([more]),
        _optional(renderer, "/caps/reward", "Reward cap", _reward_cap),
        fieldset("Most decisions of an arm (empty: no end)", [row_of(totals)]),
        _optional(renderer, "/quiet_hours", "Quiet hours", _quiet),
        _optional(renderer, "/budget", "Budget", _budget),
    ]


def _contact_cap(renderer: FieldRenderer, place: int) -> Component:
    at = f"/caps/contacts/{place}"
    scopes = [{"value": "experiment", "label": "this campaign"}, {"value": "service", "label": "all campaigns"}]
    fields = [
        renderer.number(f"{at}/max", "Contacts of a user, at most", allowDecimal=False),
        renderer.span(f"{at}/within", "Within"),
        renderer.choice(f"{at}/scope", "Counting", scopes),
    ]
    return fieldset(f"Contact cap {place + 1}", [row_of(fields), _gone(renderer, at, f"Contact cap {place + 1}")])


def _gone(renderer: FieldRenderer, at: str, what: str) -> Component:
    button = renderer.button("remove", at, "Remove", what, **rows.QUIET)
    return dmc.Group([button], justify="flex-end")


def _optional(
    renderer: FieldRenderer, at: str, what: str, draw: Callable[[FieldRenderer, str], list[Component]]
) -> Component:
    name, _, inner = at[1:].partition("/")
    there = renderer.document[name] if not inner else renderer.document[name][inner]
    if there is None:
        return dmc.Group([renderer.button("add", at, f"Add: {what.lower()}")])
    return fieldset(what, [row_of(draw(renderer, at)), _gone(renderer, at, what)])


def _reward_cap(renderer: FieldRenderer, at: str) -> list[Component]:
    return [
        renderer.number(f"{at}/per_unit", "Rewards of a user cost at most"),
        renderer.span(f"{at}/within", "Within", clearable=True),
        renderer.number(f"{at}/total", "All rewards cost at most"),
    ]


def _quiet(renderer: FieldRenderer, at: str) -> list[Component]:
    times = names([f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")])
    hours = renderer.document["quiet_hours"]
    return [
        renderer.choice(f"{at}/from", "From", _with(times, hours.get("from"))),
        renderer.choice(f"{at}/to", "To", _with(times, hours.get("to"))),
    ]


def _with(data: list[dict[str, str]], now: object) -> list[dict[str, str]]:
    known = {each["value"] for each in data}
    return data if now in known or not isinstance(now, str) else [*data, {"value": now, "label": now}]


def _budget(renderer: FieldRenderer, at: str) -> list[Component]:
    paces = [{"value": "even", "label": "evenly until the end"}, {"value": "none", "label": "as it comes"}]
    return [
        renderer.number(f"{at}/amount", f"Amount ({renderer.document['currency']})"),
        renderer.choice(f"{at}/pacing", "Spent", paces),
        renderer.moment(f"{at}/ends_at", "Until", description="empty: the campaign's end"),
    ]


def _guarding(renderer: FieldRenderer) -> list[Component]:
    drawn = [_guardrail(renderer, place) for place in range(len(renderer.document["guardrails"]))]
    stop = _optional(renderer, "/stop", "Stop rule", _stop)
    return [*drawn, dmc.Group([renderer.button("add", "/guardrails", "Add a guardrail")]), stop]


def _guardrail(renderer: FieldRenderer, place: int) -> Component:
    at, one = f"/guardrails/{place}", renderer.document["guardrails"][place]
    kind = "percent" if one["relative"] else "number"
    fields = [
        renderer.choice(f"{at}/metric", "Watches", choices(GUARDED, one["metric"]), searchable=True),
        renderer.number(f"{at}/worst", "May get worse by", kind, decimalScale=6),
        renderer.choice(f"{at}/relative", "Measured", [
            {"value": "no", "label": "in its own unit per user"},
            {"value": "yes", "label": "as a share of the control's"}], "flag"),
        renderer.choice(f"{at}/on", "In every", names(("variant", "arm"))),
        renderer.choice(f"{at}/action", "Then", [
            {"value": "pause", "label": "pause it and tell us"}, {"value": "alert", "label": "tell us"}]),
    ]  # fmt: skip
    return fieldset(f"Guardrail {place + 1}", [row_of(fields), _gone(renderer, at, f"Guardrail {place + 1}")])


def _stop(renderer: FieldRenderer, at: str) -> list[Component]:
    date = renderer.document["stop"].get("date")
    acts = [{"value": "recommend", "label": "tell us"}, {"value": "stop", "label": "stop the campaign"}]
    when = (
        renderer.moment(f"{at}/date", "At the latest")
        if isinstance(date, str) and not date.startswith("P")
        else renderer.span(f"{at}/date", "After the start", clearable=True)
    )
    return [
        when,
        renderer.number(f"{at}/sample", "Or after so many users", allowDecimal=False),
        renderer.number(f"{at}/precision", "Or once known to within ±"),
        renderer.choice(f"{at}/action", "Then", acts),
    ]


def _learning(renderer: FieldRenderer) -> list[Component]:
    offered = list(renderer.features)
    return [
        renderer.tags(
            "/context/numeric", "Numbers that policies look at", offered, description="both empty: all given"
        ),
        renderer.tags("/context/categorical", "Categories that policies look at", offered),
        renderer.tags("/segments/by", "Also report by", offered, description="such as country"),
    ]


def _advanced(renderer: FieldRenderer) -> list[Component]:
    found = beyond(renderer.document)
    if not found:
        return [dmc.Text("Nothing: the form shows the whole definition.", size="sm", c="dimmed")]
    told = dmc.Text("The form keeps these as they are. Edit them by API.", size="sm")
    return [told, dmc.Code(json.dumps(found, indent=2, ensure_ascii=False), block=True)]


PARTS: dict[str, Part] = {
    "basics": Part(
        "What it is", "A name, and what it should achieve.",
        ("name", "key", "currency", "time_zone", "objective", "cap_revenue"), _basics),
    "audience": Part("Who takes part", "Users for whom this holds when they are decided.", ("eligible",), _audience),
    "arms": Part("What users get", "An arm is one thing that can happen to a user.", ("arms",), _arms),
    "variants": Part(
        "Who decides", "Every user stays in one variant; its policy decides which arm they get.",
        ("variants", "control"), _variants),
    "schedule": Part("When", "In the campaign's time zone.", ("ramp", "starts_at", "ends_at"), _schedule),
    "windows": Part(
        "Windows", "How long outcomes count and decisions hold.",
        ("attribution_window", "decision_window", "learning_window"), _windows, True),
    "limits": Part(
        "Caps, quiet hours, budget", "Never exceeded; users get nothing instead.",
        ("caps", "quiet_hours", "budget"), _limits, True),
    "guarding": Part(
        "Guardrails and stop rules", "What must not get worse, and when it is enough.",
        ("guardrails", "stop"), _guarding, True),
    "learning": Part(
        "Learning and reporting", "What policies look at, and what readouts are split by.",
        ("context", "segments"), _learning, True),
    "advanced": Part("Advanced, edit by API", "What the form does not show.", (
        "salt", "clock", "metrics", "grace", "shadow", "layer", "ofrep_bulk"), _advanced, True),
}  # fmt: skip
"""Name → part, in the order of the form."""


def part_of(at: str) -> str:
    """Which part a place of the definition belongs to."""
    name = at.split("/")[1] if "/" in at else ""
    return next((part for part, each in PARTS.items() if name in each.owns), "basics")
