"""Which users answer to what: segment by arm, and the inactivity tiers with their sizes and flow."""

import re
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.callbacks import Callbacks
from dashboard.cards.empty import empty, no_campaign
from dashboard.cards.reasons import Reasons
from dashboard.cards.state import state
from dashboard.cards.table import facts, table
from dashboard.charts.graph import graph
from dashboard.charts.heat import flows, heat_map, known
from dashboard.data import results, segments
from dashboard.filters import Filters
from dashboard.format import in_unit, interval, moment, number, percent, title
from dashboard.page import Drawn, Page, Section, View
from dashboard.who import Who
from experiments.model.designing.kinds import CAPPED_METRICS

METRICS = ("reengagement", "participation", "conversion", "revenue", "net_value", "click", "session")


def head(view: View) -> Component:
    """Which figure fills the map."""
    definition = results.definition_of(view)
    capped = tuple(CAPPED_METRICS.values()) if definition and definition.get("cap_revenue") else ()
    choices = [{"value": name, "label": title(name)} for name in (*METRICS, *capped)]
    chosen = view.filters.own.get("metric")
    return dmc.Select(
        id="heat-metric",
        label="Figure",
        data=choices,
        value=chosen,
        placeholder="the objective",
        clearable=True,
        w=240,
        mb="md",
    )


def differ(view: View) -> Component:
    """Whether segments differ at all: said before any winner is named."""
    document = results.results(view)
    if document is None:
        return no_campaign()
    found = (document.get("differ") or {}).get("segments") or {}
    if not found and len(document["variants"]) < 2:
        return empty("There is no other variant to compare segments with.", "A holdout beside the campaign is one.")
    if not found:
        return empty("This campaign has no segments.", "Name the features to split by under segments in the designer.")
    judged = document["estimand"]["metric"]
    said = [f"{variant}: {metrics[judged]['said']}" for variant, metrics in found.items() if judged in metrics]
    return dmc.List([dmc.ListItem(one) for one in said], size="sm") if said else empty("Too few events yet to tell.")


def heat(view: View) -> Drawn:
    """Segment by arm."""
    document, definition = segments.heat(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    if not document["segments"]:
        return Drawn(empty("No segment has matured decisions of an adaptive variant yet."), [])
    found = {name: document["segments"][name] for name in sorted(document["segments"], key=_natural)}
    arms = list(dict.fromkeys(arm for cells in found.values() for arm in cells))
    currency, name, unit = definition["currency"], document["metric"], document["unit"]
    told = (
        f"{title(name)} of every arm in every segment; ★ differs from {document['control']}, all comparisons counted."
        " Empty: too few events yet."
    )
    told += f" {document['note'][:1].upper()}{document['note'][1:]}." if document["note"] else ""
    rows = [
        {
            "segment": segment,
            "arm": arm,
            "value": in_unit(unit, cell["adjusted"]["value"], currency),
            "interval": interval(unit, cell["adjusted"], currency),
            "p_adjusted": cell["p_adjusted"],
        }
        for segment, cells in found.items()
        for arm, cell in cells.items()
    ]
    if not any(known(cell) for cells in found.values() for cell in cells.values()):
        return Drawn(empty("Too few events in every segment yet.", "A square needs some 50 events of its arm."), rows)
    return Drawn(
        dmc.Stack([graph(heat_map(found, arms, unit, currency), told), dmc.Text(told, size="sm", c="dimmed")]),
        rows,
    )


def lifts(view: View) -> Drawn:
    """Lift of every variant in every segment, p-values adjusted."""
    document, definition = results.results(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    objective, rows, reasons = document["estimand"]["metric"], [], Reasons()
    for segment, one in sorted((document.get("segments") or {}).items(), key=lambda pair: _natural(pair[0])):
        for variant, metrics in (one.get("versus") or {}).items():
            found = metrics.get(document["control"], metrics).get(objective, {})
            relative = found.get("relative") or {}
            adjusted = found.get("p_adjusted")
            rows.append(
                {
                    "segment": segment,
                    "matured": number(one["matured"]),
                    "variant": variant,
                    "lift": percent(relative.get("value"), signed=True),
                    "interval": reasons.beside(_bounds(relative), {**relative, "note": found.get("note")}),
                    "sure": "yes" if adjusted is not None and adjusted <= 0.05 else "no",
                }
            )
    if not rows:
        return Drawn(empty("No segment has matured decisions yet."), [])
    columns = {
        "segment": "Segment",
        "matured": "Decisions #",
        "variant": "Variant",
        "lift": f"Lift of {title(objective)} #",
        "interval": "95 % interval #",
        "sure": "Beyond chance",
    }
    shown = [{**row, "sure": state(row["sure"]) if row["sure"] == "yes" else "not shown"} for row in rows]
    return Drawn(dmc.Stack([table(columns, shown, "Lift by segment", 640), *reasons.below()]), reasons.spelled(rows))


def _bounds(relative: dict[str, Any]) -> str:
    return interval("share", relative, signed=True)


def _natural(segment: str) -> list[tuple[int, str]]:
    """`30-60` before `120+`."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", segment)]


def tiers(view: View) -> Drawn:
    """The service's own segments of users: sizes, flow, drift."""
    found = segments.defined(view)
    if not found:
        return Drawn(
            empty("No inactivity segments yet.", "Define them with POST /v1/segments, then winback segments refresh."),
            [],
        )
    rows = [
        {"segment": one["key"], "part": part, "users": size} for one in found for part, size in one["sizes"].items()
    ]
    return Drawn(dmc.Stack([_tier(one) for one in found], gap="xl"), rows)


def _tier(one: dict[str, Any]) -> Component:
    drift = one["drift"]
    drifted = "not known before the second refresh" if drift["value"] is None else f"{drift['value']:.3f}"
    about = {
        "Kind": title(one["kind"]),
        "Users": number(one["units"]),
        "Refreshed": moment(one["refreshed_at"]),
        "Drift (PSI)": dmc.Group(
            [dmc.Text(drifted, size="sm"), *([state("warning")] if drift["drifted"] else [])], gap="xs"
        ),
    }
    total = sum(one["sizes"].values()) or 1
    sizes = [{"part": part, "users": number(size), "share": percent(size / total)} for part, size in _sizes(one)]
    parts: list[Component] = [
        dmc.Title(one["name"] or one["key"], order=3, size="h5"),
        facts(about),
        table({"part": "Part", "users": "Users #", "share": "Share #"}, sizes, f"Sizes of {one['key']}", 300),
    ]
    moves = [move for move in one["flow"] if move["units"]]
    if moves:
        parts.append(graph(flows(moves), f"Users who moved between parts of {one['key']} since the refresh before."))
    return dmc.Stack(parts, gap="sm")


def _sizes(one: dict[str, Any]) -> list[tuple[str, int]]:
    return sorted(one["sizes"].items(), key=lambda pair: _natural(pair[0]))


def register(callbacks: Callbacks) -> None:
    """The figure's choice goes into the address."""

    @callbacks.on(
        "read",
        Output("url", "search", allow_duplicate=True),
        Input("heat-metric", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def chosen(_who: Who, name: str | None, search: str) -> str:
        filters = Filters.parse(search)
        if filters.own.get("metric") == name:
            raise PreventUpdate
        return filters.with_own(metric=name).search()


SEGMENTS = Page(
    path="/segments",
    title="Segments",
    group="Campaigns",
    icon="segments",
    sections=(
        Section(
            "differ",
            "Do segments differ?",
            differ,
            height=60,
            explain="Cochran's test over all segments; no segment is called a winner before it",
        ),
        Section("heat", "Segment by arm", heat, height=320),
        Section("lifts", "Lift by segment", lifts),
        Section("tiers", "Inactivity segments", tiers, live=False),
    ),
    filters=("campaign", "period"),
    head=head,
    register=register,
)
