"""What the designer's form does as it is filled in: written, looked at, stored."""

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.callbacks import Callbacks, no_update, notify
from dashboard.data import designing
from dashboard.designer.capping import begins_to_need_cap, speaks_of_money
from dashboard.designer.commands import call_of
from dashboard.designer.document import Json, patch_between
from dashboard.designer.edits import Typed, edited, key_from, shown
from dashboard.designer.faults import placed
from dashboard.designer.field_renderer import BUTTON, FIELD, PAUSE, SWITCH, FieldRenderer
from dashboard.designer.parts import PARTS
from dashboard.designer.structure import acted
from dashboard.filters import Filters
from dashboard.page import View
from dashboard.parts.draft_scripts import ASKED, FOLLOWING, OPENING, PRESSED, STORING
from dashboard.parts.drafting import DRAFT, PLAIN, drawn, fields_of, problems
from dashboard.sections import woken
from dashboard.who import Who

REDRAWING = frozenset({"policy", "operator", "holdout", "match", "flag"})
"""Kinds of fields that change which other fields there are."""

ALSO = {"arms": ("variants", "limits"), "variants": ("limits",), "time_zone": ("schedule", "limits"),
        "currency": ("limits",), "objective": ("basics",)}  # fmt: skip
"""Field of the definition → other parts that show it."""

SLACK = 150
"""Milliseconds that a browser may take from the end of a pause to the field's value."""

FIELDS = {"type": FIELD, "at": ALL, "kind": ALL}
SWITCHES = {"type": SWITCH, "at": ALL, "kind": ALL}
BUTTONS = {"type": BUTTON, "verb": ALL, "at": ALL}


def register(callbacks: Callbacks) -> None:
    """Opening, typing, checking, storing."""
    _register_opening(callbacks)
    _register_typing(callbacks)
    _register_checking(callbacks)
    _register_storing(callbacks)


def _register_opening(callbacks: Callbacks) -> None:
    callbacks.in_browser(
        OPENING,
        Output("design-opens", "data"),
        Input(woken("designer"), "data"),
        Input({**DRAFT, "of": ALL}, "data"),  # a reader's form holds none
        prevent_initial_call=True,
    )

    @callbacks.on(
        "read",
        Output("designer", "children"),
        Input("design-opens", "data"),
        prevent_initial_call=True,
        running=[(Output("design-covered", "visible"), True, False)],
    )
    def reopened(who: Who, address: Json) -> Component:
        return drawn(View(who, Filters.parse(address["search"])))

    @callbacks.on(
        "read",
        Output("url", "search", allow_duplicate=True),
        Input("design-open", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def chosen(_who: Who, key: str | None, search: str) -> str:
        filters = Filters.parse(search)
        if not key or (key == filters.campaign and "new" not in filters.own):
            raise PreventUpdate
        return Filters(campaign=key).search()


def _register_typing(callbacks: Callbacks) -> None:
    callbacks.in_browser(
        PRESSED,
        Output("design-presses", "data"),
        Input(BUTTONS, "n_clicks"),
        State("design-presses", "data"),
        prevent_initial_call=True,
    )

    callbacks.in_browser(
        FOLLOWING % FIELD, Output("design-followed", "data"), Input(DRAFT, "data"), prevent_initial_call=True
    )

    @callbacks.on(
        "experiment",
        Output(DRAFT, "data"),
        Output("design-rule", "data"),
        Output({"type": "df-part", "part": ALL}, "children"),
        Input(FIELDS, "value"),
        Input(SWITCHES, "value"),
        Input("design-presses", "data"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def typed(who: Who, _values: Any, _switched: Any, presses: list[Json], design: Json) -> Any:
        before, fields = design["document"], _fields(ctx.inputs_list[0], ctx.inputs_list[1])
        kinds = {field.kind for field in fields if field.value != shown(before, field.at, field.kind)}
        after = caught_up(design, fields, presses)
        if after == before:
            raise PreventUpdate
        if begins_to_need_cap(before, after):
            after = with_proposed_cap(who, after)
        rule = {"rule": after["eligible"]} if after["eligible"] != before["eligible"] else no_update
        parts = [each["id"]["part"] for each in ctx.outputs_list[2]]
        renderer = FieldRenderer(after, (), designing.locked(design["status"]))
        again = redrawn(before, after, len(presses) > design["pressed"] or bool(kinds & REDRAWING))
        renderer = FieldRenderer(after, designing.features(who), renderer.locks) if again else renderer
        return (
            {**design, "document": after, "pressed": len(presses), "follows": _following(before, after, fields)},
            rule,
            [fields_of(part, renderer) if part in again else no_update for part in parts],
        )


def caught_up(design: Json, fields: Sequence[Typed], presses: Sequence[Json]) -> Json:
    """The draft with all that was typed and pressed and that it has not seen.

    Dash drops an answer that a later call overtakes, and the later call knows the draft of before: so every call reads
    all fields and does all presses since then.
    """
    before = design["document"]
    after = edited(before, fields)
    for pressed in presses[design["pressed"] :]:
        after = acted(after, pressed["verb"], pressed["at"])
    return _key_follows(design, before, after)


def with_proposed_cap(who: Who, document: Json) -> Json:
    """The draft with the cap on revenue that history proposes, where it proposes one."""
    proposal = designing.proposed_cap(who, document)
    return document if proposal is None else {**document, "cap_revenue": proposal.value}


def _fields(*lists: Sequence[Any]) -> list[Typed]:
    return [Typed(each["id"]["at"], each["id"]["kind"], each.get("value")) for group in lists for each in group]


def _key_follows(design: Json, before: Json, after: Json) -> Json:
    """A new campaign's key follows its name until somebody types one."""
    name = before["name"]
    if design["key"] is not None or after["name"] == name or after["key"] != before["key"]:
        return after
    if before["key"] != key_from(name) and not before["key"].startswith(design["before"]["key"]):
        return after
    return {**after, "key": key_from(after["name"], design["before"]["key"])}


def _following(before: Json, after: Json, fields: Sequence[Typed]) -> Json | None:
    """The key that its field is to show instead of what stands there."""
    written = next((field.value for field in fields if field.at == "/key"), None)
    if written is None or after["key"] in (before["key"], written):
        return None
    return {"from": written, "to": after["key"]}


def redrawn(before: Json, after: Json, structural: bool) -> set[str]:
    """Parts whose fields are others now."""
    changed = {name for name in after if after[name] != before.get(name)}
    keys = [[each.get("key") for each in made["arms"]] for made in (before, after)]
    again = {part for name in changed for part in ALSO.get(name, ())} if structural or keys[0] != keys[1] else set()
    again |= {part for name in changed - {"arms", "variants"} for part in ALSO.get(name, ())}
    if speaks_of_money(before) != speaks_of_money(after):
        again.add("basics")
    if structural:
        again |= {name for name, part in PARTS.items() if changed & set(part.owns)}
    return again


def _register_checking(callbacks: Callbacks) -> None:
    @callbacks.on(
        "experiment",
        Output("design-check", "children"),
        Output("design-save", "disabled"),
        Output("design-start", "disabled"),
        Output(FIELDS, "error"),
        Output({"type": "df-faults", "part": ALL}, "children"),
        Output("design-call", "children"),
        Output("design-copy", "value"),
        Input(DRAFT, "data"),
    )
    def checked(who: Who, design: Json) -> Any:
        document, key = design["document"], design["key"]
        patch = patch_between(design["before"], document)
        found = designing.checked(who, document, key, patch)
        places = [(each["id"]["at"], each["id"]["kind"]) for each in ctx.outputs_list[3]]
        errors, rest = placed(found.faults, places)
        parts = [each["id"]["part"] for each in ctx.outputs_list[4]]
        call = call_of(document, key, design["before"]) if key is None or patch else "Nothing is changed."
        told = problems(found, key is None) if key is None or patch else dmc.Text("Nothing is changed yet.", mb="xs")
        return (
            told,
            bool(found.faults) or (key is not None and not patch),
            bool(found.faults),
            errors,
            [_beside(rest.get(part, [])) for part in parts],
            call,
            call,
        )


def _beside(sentences: list[str]) -> Any:
    if not sentences:
        return None
    return dmc.Alert(dmc.List([dmc.ListItem(each) for each in sentences], size="sm"), color="red", variant="outline",
                     title="To mend here", mt="xs", styles=PLAIN)  # fmt: skip


def _register_storing(callbacks: Callbacks) -> None:
    callbacks.in_browser(
        ASKED % (PAUSE + SLACK),
        Output("design-asked", "data"),
        Input("design-save", "n_clicks"),
        Input("design-start", "n_clicks"),
        prevent_initial_call=True,
    )
    callbacks.in_browser(
        STORING,
        Output("design-stores", "data"),
        Input("design-asked", "data"),
        Input(DRAFT, "data"),
        prevent_initial_call=True,
    )

    @callbacks.on(
        "experiment",
        Output("url", "search", allow_duplicate=True),
        Output("url", "pathname", allow_duplicate=True),
        Input("design-stores", "data"),
        State(FIELDS, "value"),
        State(SWITCHES, "value"),
        State("design-presses", "data"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
        running=[(Output("design-covered", "visible"), True, False)],
    )
    def stored(who: Who, asked: Json | None, _values: Any, _switched: Any, presses: list[Json], design: Json) -> Any:
        if not asked:
            raise PreventUpdate
        fields = _fields(ctx.states_list[0], ctx.states_list[1])
        key = store(who, {**design, "document": caught_up(design, fields, presses)})
        if not asked["start"]:
            notify("Saved", f"{key} is stored; nothing is sent before it is started." if design["key"] is None
                   else f"The changes of {key} hold from now on.")  # fmt: skip
            return Filters(campaign=key, own={"saved": str((design["version"] or 0) + 1)}).search(), no_update
        designing.move(who, key, "start")
        notify("Started", f"{key} is running.")
        return Filters(campaign=key).search(), "/campaign"


def store(who: Who, design: Json) -> str:
    """Create the campaign, or change the stored one; its key.

    Raises ForbiddenError, InvalidError, ConflictError, PreconditionFailedError.
    """
    document, key = design["document"], design["key"]
    if key is None:
        return designing.create(who, document)
    patch = patch_between(design["before"], document)
    if patch:
        designing.change(who, key, patch, design["version"])
    return str(key)
