"""Draws fields that show a place of the definition and write it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.aria import labelled
from dashboard.designer.document import Json, steps_of
from dashboard.designer.edits import shown
from dashboard.designer.words import SPANS, names

PAUSE = 500
"""Milliseconds without a key being pressed after which what was typed is looked at."""

FIELD, SWITCH, BUTTON = "df", "dfs", "df-do"
"""Types of ids: fields that can show a fault, those that cannot, buttons that change the structure."""

Data = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FieldRenderer:
    """What fields are drawn from.

    Attributes:
        document: the definition. features: names that rules may use.
        locks: field of the definition → why it cannot change now.
        reading: the form is shown to somebody who may not change anything.
    """

    document: Json
    features: Sequence[str] = ()
    locks: Mapping[str, str] = field(default_factory=dict)
    reading: bool = False

    def locked(self, at: str) -> bool:
        """Whether the place cannot be written now."""
        return self.reading or steps_of(at.partition("#")[0])[0] in self.locks

    def text(self, at: str, label: str, kind: str = "text", **options: Any) -> Component:
        """A line of text."""
        return dmc.TextInput(label=label, debounce=PAUSE, **self._field(at, kind), **options)

    def number(self, at: str, label: str, kind: str = "number", **options: Any) -> Component:
        """A number of at least 0."""
        suffix = {"suffix": " %"} if kind == "percent" else {}
        return dmc.NumberInput(
            label=label, debounce=PAUSE, min=0, thousandSeparator=" ", **self._field(at, kind), **suffix, **options
        )

    def choice(self, at: str, label: str, data: Data, kind: str = "choice", **options: Any) -> Component:
        """One of several."""
        given = {"allowDeselect": bool(options.get("clearable")), "checkIconPosition": "right", **options}
        return dmc.Select(label=label, data=list(data), **self._field(at, kind), **given)

    def arm(self, at: str, label: str, **options: Any) -> Component:
        """One of the arms, or `nothing`."""
        keys = dict.fromkeys(["nothing", *(arm["key"] for arm in self.document["arms"])])
        return self.choice(at, label, names(keys, shown(self.document, at, "arm")), "arm", **options)

    def span(self, at: str, label: str, **options: Any) -> Component:
        """A duration."""
        now = shown(self.document, at, "choice")
        data = [{"value": span, "label": words} for span, words in SPANS.items()]
        if isinstance(now, str) and now not in SPANS:
            data.append({"value": now, "label": now})
        return self.choice(at, label, data, searchable=True, **options)

    def moment(self, at: str, label: str, **options: Any) -> Component:
        """A time in the experiment's zone."""
        return dmc.DateTimePicker(
            label=label, clearable=True, valueFormat="D MMM YYYY, HH:mm", **self._field(at, "moment"), **options
        )

    def tags(self, at: str, label: str, data: Sequence[str], **options: Any) -> Component:
        """Several names, of which some are offered."""
        return dmc.TagsInput(label=label, data=list(data), clearable=True, **self._field(at, "tags"), **options)

    def suggested(self, at: str, label: str, kind: str, data: Sequence[str], **options: Any) -> Component:
        """A text, of which some are offered."""
        return dmc.Autocomplete(
            label=label, data=list(data), debounce=PAUSE, limit=40, **self._field(at, kind), **options
        )

    def switch(self, at: str, label: str, data: Data, kind: str) -> Component:
        """One of a few, side by side."""
        control = dmc.SegmentedControl(
            id=self._id(SWITCH, at, kind),
            data=list(data),
            value=shown(self.document, at, kind),
            disabled=self.locked(at),
            **labelled(label),
        )
        return dmc.Stack([dmc.Text(label, size="sm", fw=500), control], gap=4, align="start")

    def button(self, verb: str, at: str, label: str, about: str = "", **options: Any) -> Component:
        """Changes the structure; nothing where that is locked."""
        if self.locked(at):
            return dmc.Space(h=0)
        given = {"size": "compact-sm", "variant": "default", **options}
        spoken = labelled(f"{label}: {about}") if about else {}
        return dmc.Button(label, id={"type": BUTTON, "verb": verb, "at": at}, **given, **spoken)

    def _field(self, at: str, kind: str) -> dict[str, Any]:
        identity = self._id(FIELD, at, kind)
        return {
            "id": identity,
            "value": shown(self.document, at, kind),
            "disabled": self.locked(at),
            "inputWrapperOrder": ["label", "input", "error", "description"],
        }

    def _id(self, sort: str, at: str, kind: str) -> dict[str, str]:
        return {"type": f"{sort}-shown" if self.reading else sort, "at": at, "kind": kind}
