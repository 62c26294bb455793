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
from dashboard.designer.pen import Pen
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
    draw: Callable[[Pen], list[Component]]
    folded: bool = False


def _basics(pen: Pen) -> list[Component]:
    zones = names(_zones(), pen.document["time_zone"])
    fields = [
        pen.text("/name", "Name"),
        pen.text("/key", "Key", description="for addresses and the API"),
        pen.choice("/currency", "Currency", names(CURRENCIES, pen.document["currency"]), searchable=True),
        pen.choice("/time_zone", "Time zone", zones, searchable=True, limit=60),
        pen.choice("/objective/maximise", "What to maximise", choices(MAXIMISED, _maximised(pen)), searchable=True),
    ]
    if _maximised(pen) == "net_value":
        fields.append(pen.number("/objective/margin", "Margin on revenue", "percent"))
    if speaks_of_money(pen.document):
        label = f"A user's revenue counts up to ({pen.document['currency']})"
        fields.append(pen.number("/cap_revenue", label, description=CAP_WHY))
    return [row_of(fields)]


@cache
def _zones() -> tuple[str, ...]:
    # Listing them reads the disk.
    return tuple(sorted(available_timezones()))


def _maximised(pen: Pen) -> object:
    return pen.document["objective"]["maximise"]


def _audience(pen: Pen) -> list[Component]:
    presets = [pen.button(f"preset:{name}", "/eligible", label, radius="xl") for name, (label, _) in PRESETS.items()]
    return [dmc.Group(presets, gap="xs"), *rows.conditions(pen, "/eligible", "Audience")]


def _arms(pen: Pen) -> list[Component]:
    drawn = [rows.arm(pen, place) for place in range(len(pen.document["arms"]))]
    return [*drawn, dmc.Group([pen.button("add", "/arms", "Add an arm")])]


def _variants(pen: Pen) -> list[Component]:
    place = holdout_of(pen.document)
    now = "0" if place is None else f"{100 * pen.document['variants'][place]['share']:g}"
    offered = sorted({"0", "5", "10", "20", now}, key=float)
    data = [{"value": share, "label": "none" if share == "0" else f"{share} %"} for share in offered]
    switch = pen.switch("/variants#holdout", f"Holdout: users who get {NOTHING}", data, "holdout")
    keys = [each["key"] for each in pen.document["variants"]]
    control = pen.choice("/control", "Compare with", names([*keys, NOTHING], pen.document["control"]), clearable=True)
    drawn = [rows.variant(pen, each) for each in range(len(keys))]
    buttons = [pen.button("add", "/variants", "Add a variant"), pen.button("even", "/variants", "Equal shares")]
    return [row_of([switch, control], {"base": 1, "xs": 2}), *drawn, dmc.Group(buttons)]


def _schedule(pen: Pen) -> list[Component]:
    now = json.dumps(pen.document["ramp"], sort_keys=True)
    data = [{"value": json.dumps(ramp, sort_keys=True), "label": label} for label, ramp in RAMPS.values()]
    if now not in {each["value"] for each in data}:
        data.append({"value": now, "label": f"As it is: {len(pen.document['ramp'])} steps"})
    fields = [
        pen.choice("/ramp", "How it begins", data, "json"),
        pen.moment("/starts_at", "Starts", description="empty: when you start it"),
        pen.moment("/ends_at", "Ends", description="empty: when you stop it"),
    ]
    return [row_of(fields)]


def _windows(pen: Pen) -> list[Component]:
    fields = [
        pen.span("/attribution_window", "Outcomes count for", description="after the decision"),
        pen.span("/decision_window", "A decision holds for", description="then the user is decided anew"),
        pen.span("/learning_window", "Learn after", clearable=True, description="empty: once outcomes are complete"),
    ]
    return [row_of(fields)]


def _limits(pen: Pen) -> list[Component]:
    contacts = [_contact_cap(pen, place) for place in range(len(pen.document["caps"]["contacts"]))]
    more = pen.button("add", "/caps/contacts", "Add a contact cap")
    arms = [arm["key"] for arm in pen.document["arms"] if arm.get("key") and arm["key"] != NOTHING]
    totals = [pen.number(f"/caps/arms/{key}", f"At most, of {key}", "arm-cap") for key in arms if "/" not in key]
    return [
        *contacts,
        dmc.Group([more]),
        _optional(pen, "/caps/reward", "Reward cap", _reward_cap),
        fieldset("Most decisions of an arm (empty: no end)", [row_of(totals)]),
        _optional(pen, "/quiet_hours", "Quiet hours", _quiet),
        _optional(pen, "/budget", "Budget", _budget),
    ]


def _contact_cap(pen: Pen, place: int) -> Component:
    at = f"/caps/contacts/{place}"
    scopes = [{"value": "experiment", "label": "this campaign"}, {"value": "service", "label": "all campaigns"}]
    fields = [
        pen.number(f"{at}/max", "Contacts of a user, at most", allowDecimal=False),
        pen.span(f"{at}/within", "Within"),
        pen.choice(f"{at}/scope", "Counting", scopes),
    ]
    return fieldset(f"Contact cap {place + 1}", [row_of(fields), _gone(pen, at, f"Contact cap {place + 1}")])


def _gone(pen: Pen, at: str, what: str) -> Component:
    button = pen.button("remove", at, "Remove", what, **rows.QUIET)
    return dmc.Group([button], justify="flex-end")


def _optional(pen: Pen, at: str, what: str, draw: Callable[[Pen, str], list[Component]]) -> Component:
    name, _, inner = at[1:].partition("/")
    there = pen.document[name] if not inner else pen.document[name][inner]
    if there is None:
        return dmc.Group([pen.button("add", at, f"Add: {what.lower()}")])
    return fieldset(what, [row_of(draw(pen, at)), _gone(pen, at, what)])


def _reward_cap(pen: Pen, at: str) -> list[Component]:
    return [
        pen.number(f"{at}/per_unit", "Rewards of a user cost at most"),
        pen.span(f"{at}/within", "Within", clearable=True),
        pen.number(f"{at}/total", "All rewards cost at most"),
    ]


def _quiet(pen: Pen, at: str) -> list[Component]:
    times = names([f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")])
    hours = pen.document["quiet_hours"]
    return [
        pen.choice(f"{at}/from", "From", _with(times, hours.get("from"))),
        pen.choice(f"{at}/to", "To", _with(times, hours.get("to"))),
    ]


def _with(data: list[dict[str, str]], now: object) -> list[dict[str, str]]:
    known = {each["value"] for each in data}
    return data if now in known or not isinstance(now, str) else [*data, {"value": now, "label": now}]


def _budget(pen: Pen, at: str) -> list[Component]:
    paces = [{"value": "even", "label": "evenly until the end"}, {"value": "none", "label": "as it comes"}]
    return [
        pen.number(f"{at}/amount", f"Amount ({pen.document['currency']})"),
        pen.choice(f"{at}/pacing", "Spent", paces),
        pen.moment(f"{at}/ends_at", "Until", description="empty: the campaign's end"),
    ]


def _guarding(pen: Pen) -> list[Component]:
    drawn = [_guardrail(pen, place) for place in range(len(pen.document["guardrails"]))]
    stop = _optional(pen, "/stop", "Stop rule", _stop)
    return [*drawn, dmc.Group([pen.button("add", "/guardrails", "Add a guardrail")]), stop]


def _guardrail(pen: Pen, place: int) -> Component:
    at, one = f"/guardrails/{place}", pen.document["guardrails"][place]
    kind = "percent" if one["relative"] else "number"
    fields = [
        pen.choice(f"{at}/metric", "Watches", choices(GUARDED, one["metric"]), searchable=True),
        pen.number(f"{at}/worst", "May get worse by", kind, decimalScale=6),
        pen.choice(f"{at}/relative", "Measured", [
            {"value": "no", "label": "in its own unit per user"},
            {"value": "yes", "label": "as a share of the control's"}], "flag"),
        pen.choice(f"{at}/on", "In every", names(("variant", "arm"))),
        pen.choice(f"{at}/action", "Then", [
            {"value": "pause", "label": "pause it and tell us"}, {"value": "alert", "label": "tell us"}]),
    ]  # fmt: skip
    return fieldset(f"Guardrail {place + 1}", [row_of(fields), _gone(pen, at, f"Guardrail {place + 1}")])


def _stop(pen: Pen, at: str) -> list[Component]:
    date = pen.document["stop"].get("date")
    acts = [{"value": "recommend", "label": "tell us"}, {"value": "stop", "label": "stop the campaign"}]
    when = (
        pen.moment(f"{at}/date", "At the latest")
        if isinstance(date, str) and not date.startswith("P")
        else pen.span(f"{at}/date", "After the start", clearable=True)
    )
    return [
        when,
        pen.number(f"{at}/sample", "Or after so many users", allowDecimal=False),
        pen.number(f"{at}/precision", "Or once known to within ±"),
        pen.choice(f"{at}/action", "Then", acts),
    ]


def _learning(pen: Pen) -> list[Component]:
    offered = list(pen.features)
    return [
        pen.tags("/context/numeric", "Numbers that policies look at", offered, description="both empty: all given"),
        pen.tags("/context/categorical", "Categories that policies look at", offered),
        pen.tags("/segments/by", "Also report by", offered, description="such as country"),
    ]


def _advanced(pen: Pen) -> list[Component]:
    found = beyond(pen.document)
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
