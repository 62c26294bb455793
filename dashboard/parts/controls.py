"""Steering a campaign: its life, its arms and variants by hand, each with a reason and an end."""

from collections.abc import Callable
from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.callbacks import Callbacks, no_update, notify
from dashboard.cards.adjustments import ACT, in_force, moves, subjects
from dashboard.cards.empty import no_campaign
from dashboard.data import controlling
from dashboard.data.controlling import Adjusting
from dashboard.filters import Filters
from dashboard.page import Drawn, View
from dashboard.who import Who

REASONS = ("Costs too much", "Complaints", "Out of stock", "The offer has ended", "A mistake in the offer")
ENDS = {"24": "in a day", "72": "in three days", "168": "in a week", "": "when I end it"}
ENDED = "ended by hand"


class Asked(NamedTuple):
    """What was filled in beside the button that was pressed."""

    on: str
    value: float | None
    reason: str
    hours: float | None


class Act(NamedTuple):
    """Something that is asked for first: what is said, which fields it takes, what it does.

    `value` is the label of its number (empty: none); `scale` what a typed 1 stands for.
    """

    title: str
    sentence: str
    done: str
    do: Callable[[Who, str, Asked], None]
    reason: bool = True
    expires: bool = False
    value: str = ""
    scale: float = 1.0


def _adjusting(kind: str, fixed: float | None = None) -> Callable[[Who, str, Asked], None]:
    def do(who: Who, key: str, asked: Asked) -> None:
        value = asked.value if fixed is None else fixed
        controlling.adjust(who, key, Adjusting(asked.on, kind, value, asked.reason, asked.hours))

    return do


def _ending(kind: str) -> Callable[[Who, str, Asked], None]:
    return lambda who, key, asked: controlling.adjust(who, key, Adjusting(asked.on, kind, None, ENDED))


def _switching(enabled: bool) -> Callable[[Who, str, Asked], None]:
    return lambda who, key, asked: controlling.switch(who, key, asked.on, asked.reason, enabled=enabled)


def _moving(verb: str) -> Callable[[Who, str, Asked], None]:
    return lambda who, key, _asked: controlling.move(who, key, verb)


def _budget(who: Who, key: str, asked: Asked) -> None:
    controlling.set_budget(who, key, asked.value or 0.0)


ACTS: dict[str, Act] = {
    "stop": Act(
        "Stop the campaign?",
        "Nobody is decided any more, and it cannot be started again. What is open still matures and counts.",
        "It is stopped.", _moving("stop"), reason=False),
    "archive": Act(
        "Archive the campaign?", "It leaves the lists and can never change again.", "It is archived.",
        _moving("archive"), reason=False),
    "budget": Act("Change the budget", "Holds from the next decision on.", "The budget is changed.", _budget,
                  reason=False, value="New amount"),
    "arm-pause": Act(
        "Pause arm {on}", "Nobody gets it from the next decision on; the others share its part.",
        "Arm {on} is paused.", _adjusting("enabled", 0.0), expires=True),
    "arm-enable": Act(
        "Resume arm {on}", "What a guardrail had seen does not count again; new harm does.", "Arm {on} is on again.",
        _adjusting("enabled", 1.0)),
    "weight": Act(
        "Set the weight of arm {on}", "The others share the rest as before. Fixed variants stay as they are.",
        "Arm {on} has its weight.", _adjusting("weight"), expires=True, value="Per cent of decisions", scale=0.01),
    "cost": Act(
        "Set the cost of arm {on}", "What the reward costs you, from the next decision on.", "Arm {on} has its cost.",
        _adjusting("cost"), expires=True, value="Cost of the reward"),
    "variant-pause": Act(
        "Pause variant {on}", "Its users stay its own and get what the control gets.", "Variant {on} is paused.",
        _switching(False)),
    "variant-resume": Act("Resume variant {on}", "Its users get what its policy decides again.",
                          "Variant {on} is on again.", _switching(True)),
}  # fmt: skip
"""Verb → what is asked before it is done."""

AT_ONCE: dict[str, Callable[[Who, str, Asked], None]] = {
    "start": _moving("start"),
    "pause": _moving("pause"),
    "resume": _moving("resume"),
    **{f"end-{kind}": _ending(kind) for kind in ("enabled", "cost", "weight")},
}
"""Verb → what is done without being asked: it is undone as easily."""


def head(view: View) -> Component:
    """The dialogue of all acts; nothing for who may not act."""
    if not view.who.may("experiment"):
        return dmc.Space(h=0)
    ends = [{"value": hours or "never", "label": label} for hours, label in ENDS.items()]
    fields = [
        dmc.Text(id="act-sentence", size="sm"),
        dmc.NumberInput(id="act-value", label="Value", min=0, decimalScale=4),
        dmc.Autocomplete(id="act-reason", label="Reason", data=list(REASONS), placeholder="choose or write"),
        dmc.Select(id="act-end", label="It ends", data=ends, value="72", allowDeselect=False),
        dmc.Text(id="act-fault", size="sm", className="worse", **{"aria-live": "assertive"}),
        dmc.Group(
            [dmc.Button("Cancel", id="act-cancel", variant="default"), dmc.Button("Apply", id="act-do")],
            justify="flex-end",
        ),
    ]
    return dmc.Box(
        [dcc.Store(id="act-what"), dmc.Modal(dmc.Stack(fields, gap="sm"), id="act-modal", title="", centered=True)]
    )


def control(view: View) -> Drawn:
    """What can be done now, and what was adjusted by hand."""
    if view.filters.campaign is None:
        return Drawn(no_campaign(), [])
    document = controlling.document_of(view.who, view.filters.campaign)
    may = view.who.may("experiment")
    parts: list[Component] = [_first_line(document, may)]
    if document["adjustments"]:
        parts.append(in_force(document, document["time_zone"], document["currency"], may))
    else:
        parts.append(dmc.Text("Nothing is adjusted by hand.", size="sm", c="dimmed"))
    return Drawn(dmc.Stack(parts, gap="sm"), document["adjustments"])


def _first_line(document: dict[str, Any], may: bool) -> Component:
    if not may:
        return dmc.Text("Your role reads campaigns; an experimenter steers them.", size="sm", c="dimmed")
    key, live = document["key"], controlling.adjustable(document["status"])
    edit = dcc.Link("Edit", href="/designer" + Filters(campaign=key).search(), className="link-button")
    clone = dcc.Link(
        "Copy", href="/designer" + Filters(own={"new": "1", "from": key}).search(), className="link-button"
    )
    return dmc.Group(
        [moves(controlling.possible(document["status"]), live and document["budget"] is not None), edit, clone],
        gap="xs",
    )


def by_hand(view: View) -> Drawn:
    """Variants and arms, each with what can be done about it."""
    if view.filters.campaign is None:
        return Drawn(no_campaign(), [])
    document = controlling.document_of(view.who, view.filters.campaign)
    may = view.who.may("experiment") and controlling.adjustable(document["status"])
    return Drawn(subjects(document, may), document["adjustments"])


def register(callbacks: Callbacks) -> None:
    """Buttons open the dialogue or act at once; the dialogue acts."""

    @callbacks.on(
        "experiment",
        Output("act-modal", "opened"),
        Output("act-modal", "title"),
        Output("act-sentence", "children"),
        Output("act-what", "data"),
        Output("act-value", "label"),
        Output("act-value", "style"),
        Output("act-reason", "style"),
        Output("act-end", "style"),
        Output("act-fault", "children"),
        Output("tick", "n_intervals", allow_duplicate=True),
        Input({"type": ACT, "verb": ALL, "on": ALL}, "n_clicks"),
        State("url", "search"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def pressed(who: Who, _clicks: Any, search: str, tick: int) -> Any:
        found, key = ctx.triggered_id, Filters.parse(search).campaign
        if not isinstance(found, dict) or not ctx.triggered[0]["value"] or key is None:
            raise PreventUpdate
        verb, on = found["verb"], found["on"]
        if verb in AT_ONCE:
            AT_ONCE[verb](who, key, Asked(on, None, "", None))
            notify("Done", f"{key}: {verb.replace('-', ' ')}{f' {on}' if on else ''}.")
            return (*[no_update] * 9, (tick or 0) + 1)
        act = ACTS[verb]
        shows = [_shown(bool(act.value)), _shown(act.reason), _shown(act.expires)]
        what = {"verb": verb, "on": on}
        return (True, act.title.format(on=on), act.sentence, what, act.value or "Value", *shows, "", no_update)

    _register_dialogue(callbacks)


def _shown(wanted: bool) -> dict[str, str]:
    return {} if wanted else {"display": "none"}


def _register_dialogue(callbacks: Callbacks) -> None:
    @callbacks.on(
        "experiment",
        Output("act-modal", "opened", allow_duplicate=True),
        Output("act-fault", "children", allow_duplicate=True),
        Output("act-value", "value"),
        Output("act-reason", "value"),
        Output("tick", "n_intervals", allow_duplicate=True),
        Input("act-do", "n_clicks"),
        State("act-what", "data"),
        State("act-value", "value"),
        State("act-reason", "value"),
        State("act-end", "value"),
        State("url", "search"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def applied(who: Who, clicks: int | None, what: Any, value: Any, reason: Any, ends: Any, *rest: Any) -> Any:
        search, tick = rest
        key = Filters.parse(search).campaign
        if not clicks or what is None or key is None:
            raise PreventUpdate
        act = ACTS[what["verb"]]
        fault, asked = filled(act, what["on"], (value, reason, ends))
        if fault:
            return no_update, fault, no_update, no_update, no_update
        act.do(who, key, asked)
        notify("Done", act.done.format(on=what["on"]))
        return False, "", "", "", (tick or 0) + 1

    callbacks.in_browser(
        "() => false",
        Output("act-modal", "opened", allow_duplicate=True),
        Input("act-cancel", "n_clicks"),
        prevent_initial_call=True,
    )


def filled(act: Act, on: str, given: tuple[Any, Any, Any]) -> tuple[str, Asked]:
    """What is missing (empty: nothing), and what was asked for."""
    value, reason, ends = given
    hours = float(ends) if act.expires and ends not in (None, "", "never") else None
    number = value * act.scale if isinstance(value, int | float) else None
    asked = Asked(on, number if act.value else None, str(reason or "").strip(), hours)
    if act.value and number is None:
        return "Give a number.", asked
    return ("Say why: it stays with the record." if act.reason and not asked.reason else ""), asked
