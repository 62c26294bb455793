"""A campaign over time: values, allocation, how sure the data became."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.cards.empty import empty, no_campaign
from dashboard.charts.graph import graph
from dashboard.charts.trends import allocation, annotate, chances, rates, within
from dashboard.data import results
from dashboard.format import moment, title, unit_of
from dashboard.page import Drawn, View


def trend(view: View) -> Drawn:
    """The objective over time, with what was done marked."""
    document, definition = results.trends(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    if not document["at"]:
        return Drawn(empty("Nothing has matured yet."), [])
    name, what = _drawn(view, definition["objective"]["maximise"])
    remarks = within(results.remarks(view), document["at"])
    figure = rates(
        document["at"], document["variants"], name, f"{what} per decision", percent=unit_of(document, name) == "share"
    )
    annotate(figure, remarks, document["at"])
    told = f"{what} per decision by {document['by']}, a line for each variant."
    parts: list[Component] = [graph(figure, told)]
    if remarks:
        zone = definition["time_zone"]
        items = [dmc.ListItem(f"{moment(one['at'], zone)}: {_remark(one)}") for one in remarks]
        parts.append(dmc.List(items, type="ordered", size="xs"))
    rows = [
        {
            "at": at,
            "variant": key,
            "decisions": columns["decisions"][place],
            name: columns.get(name, [0.0] * len(document["at"]))[place],
        }
        for key, columns in document["variants"].items()
        for place, at in enumerate(document["at"])
    ]
    return Drawn(dmc.Stack(parts), rows)


def _drawn(view: View, objective: str) -> tuple[str, str]:
    """The metric of the trend and its heading: what is judged, unless revisions without a cap would show as nothing."""
    document = results.results(view)
    judged = objective if document is None else document["estimand"]["metric"]
    if document is None or judged == objective:
        return objective, title(objective)
    return (objective, f"{title(objective)}, uncapped,") if document["estimand"]["note"] else (judged, title(judged))


def _remark(one: Mapping[str, Any]) -> str:
    what = title(str(one["action"]).replace(".", " ").replace("-", " "))
    about = f" {one['target']}" if one["target"] else ""
    reason = one["detail"].get("reason")
    return f"{what}{about}" + (f" ({reason})" if reason else "")


def shares(view: View) -> Drawn:
    """How much each arm was given, over time."""
    document = results.trends(view)
    if document is None:
        return Drawn(no_campaign())
    if not document["arms"]:
        return Drawn(empty("Nothing has matured yet."), [])
    told = f"Share of each arm in the decisions of a {document['by']}, over time."
    rows = [
        {"at": at, "arm": key, "decisions": columns["decisions"][place]}
        for key, columns in document["arms"].items()
        for place, at in enumerate(document["at"])
    ]
    return Drawn(graph(allocation(document["at"], document["arms"]), told), rows)


def best(view: View) -> Drawn:
    """How sure the data became of the best variant."""
    document = results.trends(view)
    if document is None:
        return Drawn(no_campaign())
    if not document["at"] or len(document["variants"]) < 2:
        return Drawn(empty("Nothing to compare yet."), [])
    at, found = results.best_over_time(document, "reengagement")
    rows = [
        {"at": moment_, **{name: values[place] for name, values in found.items()}} for place, moment_ in enumerate(at)
    ]
    told = "Probability of each variant of having the highest re-engagement rate, as the evidence gathered."
    return Drawn(graph(chances(at, found), told), rows)
