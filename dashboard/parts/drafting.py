"""The designer as it is opened: the form beside what is said of it."""

from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.aria import labelled
from dashboard.cards.state import state
from dashboard.data import campaigns, designing
from dashboard.designer.commands import call_of
from dashboard.designer.document import Json
from dashboard.designer.edits import free_key
from dashboard.designer.field_renderer import FieldRenderer
from dashboard.designer.parts import PARTS
from dashboard.designer.planning import Belief
from dashboard.designer.templates import TEMPLATES, started_from
from dashboard.filters import Filters
from dashboard.format import title
from dashboard.icons import icon
from dashboard.page import View

NEW = "new"
DRAFT = {"type": "design", "of": "draft"}
"""Id of the store that holds what is being edited."""

PLAIN = {"title": {"color": "var(--mantine-color-text)"}}
"""Titles that pass on any ground; the colour is the frame's."""

VIEWER = "Your role reads campaigns; an experimenter sets them up and changes them. The form shows how it is set up."


class Draft(NamedTuple):
    """What the form begins with; `key` is None for a new campaign."""

    document: Json
    key: str | None
    status: str | None
    version: int | None


def opened(view: View) -> Draft:
    """The chosen campaign, a copy of one, or a template, as the address says. Raises NotFoundError."""
    own, key = view.filters.own, view.filters.campaign
    if own.get("from"):
        return _copy(view, own["from"])
    if own.get(NEW) or key is None:
        made = started_from(own.get("template"))
        return Draft({**made, "key": _unused(view, made["key"])}, None, None, None)
    document, told = designing.stored(view.who, key)
    return Draft(document, key, told["status"], told["version"])


def _copy(view: View, key: str) -> Draft:
    document, _ = designing.stored(view.who, key)
    layer = document.get("layer")
    made = {**document, "key": _unused(view, key), "name": f"{document['name'] or key} (copy)"}
    return Draft({**made, "layer": layer and {**layer, "offset": None}}, None, None, None)


def _unused(view: View, key: str) -> str:
    return free_key(key, campaigns.campaigns(view.who))


def drawn(view: View) -> Component:
    """Everything of the page below its title."""
    draft = opened(view)
    reading = not view.who.may("experiment")
    renderer = FieldRenderer(draft.document, designing.features(view.who), designing.locked(draft.status), reading)
    form = dmc.Stack([part_frame(name, renderer) for name in PARTS if not PARTS[name].folded], gap="md")
    folded = dmc.Accordion(
        [_fold(name, renderer) for name in PARTS if PARTS[name].folded], variant="separated", multiple=True, mt="md"
    )
    side = _call_panel(draft) if reading else _side(draft)
    cover = dmc.LoadingOverlay(id="design-covered", visible=False)
    columns = dmc.Grid(
        [
            dmc.GridCol(dmc.Box([cover, form, folded], pos="relative"), span={"base": 12, "lg": 8}),
            dmc.GridCol(html.Div(side, className="beside"), span={"base": 12, "lg": 4}),
        ],
        gutter="md",
    )
    return html.Div([_top(view, draft, reading), *([] if reading else _stores(draft)), columns])


def _stores(draft: Draft) -> list[Component]:
    data = {**draft._asdict(), "before": draft.document, "pressed": 0}
    return [
        dcc.Store(id=DRAFT, data=data),
        dcc.Store(id="design-presses", data=[]),
        dcc.Store(id="design-followed"),
        dcc.Store(id="design-asked"),
        dcc.Store(id="design-stores"),
        dcc.Store(id="design-rule", data={"rule": draft.document.get("eligible")}),
        dcc.Store(id="design-simulated"),
        dcc.Interval(id="design-clock", interval=2_000, disabled=True),
    ]


def _top(view: View, draft: Draft, reading: bool) -> Component:
    heads = campaigns.campaigns(view.who)
    data = [{"value": head["key"], "label": head["name"] or head["key"]} for head in heads]
    choose = dmc.Select(
        id="design-open",
        label="Campaign",
        data=data,
        value=draft.key,
        placeholder="a new one",
        searchable=True,
        w={"base": "100%", "xs": 280},
    )
    told: list[Component] = [choose]
    if draft.status is not None:
        told.append(dmc.Box(state(draft.status), pb=8))
    if not reading and draft.key is not None:
        told += [_link("Set up a new one", {NEW: "1"}), _link("Copy this one", {NEW: "1", "from": draft.key})]
    parts: list[Component] = [dmc.Group(told, align="end", gap="sm")]
    if reading:
        parts.append(dmc.Text(VIEWER, c="dimmed"))
    elif draft.key is None:
        parts.append(_templates(view.filters.own.get("template"), bool(view.filters.own.get("from"))))
    return dmc.Stack(parts, gap="md", mb="md")


def _link(label: str, own: dict[str, str]) -> Component:
    address = "/designer" + Filters(own=own).search()
    return dcc.Link(label, href=address, className="link-button")


def _templates(chosen: str | None, copied: bool) -> Component:
    current = None if copied else chosen if chosen in TEMPLATES else next(iter(TEMPLATES))
    cards = [_template(name, name == current) for name in TEMPLATES]
    return dmc.Stack(
        [
            dmc.Text("Start from", size="sm", fw=600),
            dmc.SimpleGrid(cards, cols={"base": 1, "xs": 2, "md": 3, "xl": 5}, spacing="sm"),
        ],
        gap=6,
    )


def _template(name: str, current: bool) -> Component:
    template = TEMPLATES[name]
    title = f"✓ {template.title}" if current else template.title
    text = dmc.Stack([dmc.Text(title, fw=650, size="sm"), dmc.Text(template.why, size="xs", c="dimmed")], gap=2)
    return dcc.Link(
        dmc.Paper(text, withBorder=True, p="sm", h="100%", className="template"),
        href="/designer" + Filters(own={NEW: "1", "template": name}).search(),
        className="template-link chosen" if current else "template-link",
    )


def part_frame(name: str, renderer: FieldRenderer) -> Component:
    """A part with its title, what is wrong with it, and its fields."""
    part = PARTS[name]
    heading = [dmc.Title(part.title, order=2, size="h4"), dmc.Text(part.explain, size="sm", c="dimmed")]
    return dmc.Paper([*heading, _inside(name, renderer)], withBorder=True, p="md", id=f"part-{name}")


def _fold(name: str, renderer: FieldRenderer) -> Component:
    part = PARTS[name]
    return dmc.AccordionItem(
        [
            dmc.AccordionControl(dmc.Text(part.title, fw=650)),
            dmc.AccordionPanel([dmc.Text(part.explain, size="sm", c="dimmed"), _inside(name, renderer)]),
        ],
        value=name,
        id=f"part-{name}",
    )


def _inside(name: str, renderer: FieldRenderer) -> Component:
    return html.Div(
        [
            html.Div(id={"type": "df-faults", "part": name}, role="status"),
            html.Div(fields_of(name, renderer), id={"type": "df-part", "part": name}),
        ]
    )


def fields_of(name: str, renderer: FieldRenderer) -> Component:
    """A part's fields, and why those that are locked are."""
    notes = (
        []
        if renderer.reading or name == "advanced"
        else [_lock(each, why) for each, why in _locks(name, renderer).items()]
    )
    return dmc.Stack([*notes, *PARTS[name].draw(renderer)], gap="sm", mt="xs")


def _locks(name: str, renderer: FieldRenderer) -> dict[str, str]:
    """Names of fields that are locked for one reason → the reason."""
    by_reason: dict[str, list[str]] = {}
    for each in PARTS[name].owns:
        if each in renderer.locks:
            by_reason.setdefault(renderer.locks[each], []).append(title(each))
    return {", ".join(fields): why for why, fields in by_reason.items()}


def _lock(fields: str, why: str) -> Component:
    return dmc.Text([html.Strong(f"Locked: {fields}. "), f"{why[:1].upper()}{why[1:]}."], size="sm", c="dimmed")


def panel(title: str, parts: list[Component], name: str) -> Component:
    """A box beside the form."""
    return dmc.Paper(
        [dmc.Title(title, order=2, size="h4", mb="xs"), dmc.Stack(parts, gap="sm")], withBorder=True, p="md", id=name
    )


def _side(draft: Draft) -> Component:
    return dmc.Stack(
        [
            panel("Check", [html.Div(id="design-check", role="status"), _buttons(draft)], "panel-check"),
            panel("How long it takes", _belief(), "panel-plan"),
            panel("Who would take part", [html.Div(id="design-audience", role="status")], "panel-audience"),
            _call_panel(draft),
        ],
        gap="md",
    )


def _buttons(draft: Draft) -> Component:
    save = dmc.Button("Save draft" if draft.key is None else "Save changes", id="design-save", disabled=True)
    shown: list[Component] = [save]
    startable = draft.status in (None, "draft")
    start = dmc.Button("Save and start", id="design-start", variant="default", disabled=True)
    shown.append(start if startable else html.Div(start, hidden=True))
    if draft.key is not None:
        shown.append(dcc.Link("To the campaign", href="/campaign" + Filters(campaign=draft.key).search()))
    return dmc.Group(shown, gap="sm")


def _belief() -> list[Component]:
    usual = Belief()
    fields: list[dict[str, Any]] = [
        {"id": "plan-base", "label": "Return anyway", "value": 100 * usual.base, "suffix": " %"},
        {"id": "plan-lift", "label": "Lift worth finding", "value": 100 * usual.lift, "suffix": " %"},
        {"id": "plan-day", "label": "Users a day", "value": usual.per_day},
        {"id": "plan-value", "label": "A return is worth", "value": usual.value},
    ]
    drawn = [dmc.NumberInput(debounce=400, min=0, thousandSeparator=" ", **each) for each in fields]
    simulate = dmc.Button("Simulate the bandit", id="design-simulate", variant="default", size="compact-sm")
    return [
        dmc.SimpleGrid(drawn, cols=2, spacing="xs"),
        html.Div(id="design-plan", role="status"),
        html.Div(simulate, id="design-simulate-box"),
        html.Div(id="design-simulation", role="status"),
    ]


def _call_panel(draft: Draft) -> Component:
    code = call_of(draft.document, None, draft.document)
    copy = dmc.CopyButton(
        id="design-copy", value=code, children="Copy", copiedChildren="Copied", variant="default", size="compact-sm"
    )
    shown = html.Pre(code, id="design-call", className="call", tabIndex=0, **labelled("The API call"))
    return panel("The same by API", [dmc.Group([copy]), shown], "panel-call")


def problems(found: designing.Checked, fresh: bool) -> Component:
    """Whether it could be stored, and what may surprise."""
    parts: list[Component] = []
    if found.faults:
        links = [_fault(fault.pointer, fault.detail) for fault in found.faults[:12]]
        title = f"{len(found.faults)} thing{'s' if len(found.faults) > 1 else ''} to mend"
        parts.append(dmc.Alert(dmc.List(links, size="sm"), title=title, color="red", variant="outline", styles=PLAIN))
    else:
        told = "Nothing stands in its way." if fresh else "The changes can be saved."
        parts.append(dmc.Alert(told, title="Ready", color="teal", variant="outline", styles=PLAIN))
    parts += [
        dmc.Alert(f"{warning.pointer}: {warning.detail}", title="Mind", color="orange", variant="outline", styles=PLAIN,
                  icon=icon("warning"))
        for warning in found.warnings
    ]  # fmt: skip
    return dmc.Stack(parts, gap="xs", mb="xs")


def _fault(pointer: str, detail: str) -> Component:
    return dmc.ListItem([dmc.Code(pointer or "/"), f" {detail}"])
