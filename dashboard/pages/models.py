"""What the policies have learned: freshness, learning curves, exploration, calibration, lineage."""

import dash_mantine_components as dmc
from dash.development.base_component import Component

from dashboard.cards.empty import empty, no_campaign
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.charts.graph import graph
from dashboard.charts.trends import rates
from dashboard.data import models, results
from dashboard.format import moment, number, title, unit_of
from dashboard.page import Drawn, Page, Section, View

LATEST = 60


def freshness(view: View) -> Drawn:
    """Each learner: its policy, its newest snapshot, what waits to be learned."""
    document = models.status(view)
    if document is None:
        return Drawn(no_campaign())
    if not document["learners"]:
        return Drawn(
            empty("No learned policy in this campaign.", "Variants with fixed arms and rules learn nothing."), []
        )
    rows = [
        {
            "variant": one["variant"],
            "policy": one["policy"],
            "rounds": number(one["rounds"]),
            "snapshots": number(one["snapshots"]),
            "published": moment(one["published_at"]),
            "fresh": "up to date" if one["settled"] else "learning",
        }
        for one in document["learners"]
    ]
    columns = {
        "variant": "Variant",
        "policy": "Policy",
        "rounds": "Learned from #",
        "snapshots": "Snapshots #",
        "published": "Newest",
        "fresh": "",
    }
    shown = [{**row, "fresh": state(row["fresh"])} for row in rows]
    waiting = dmc.Text(f"{number(document['pending'])} matured decisions wait to be joined.", size="sm", c="dimmed")
    return Drawn(dmc.Stack([table(columns, shown, "Learned policies", 560), waiting]), rows)


def curve(view: View) -> Drawn:
    """The objective over time, variant by variant: a learner's line should rise above the others."""
    document, definition = results.trends(view), results.definition_of(view)
    if document is None or definition is None:
        return Drawn(no_campaign())
    if not document["at"]:
        return Drawn(empty("Nothing has matured yet."), [])
    name = definition["objective"]["maximise"]
    figure = rates(
        document["at"],
        document["variants"],
        name,
        f"{title(name)} per decision",
        percent=unit_of(document, name) == "share",
    )
    rows = [
        {"at": at, "variant": key, "decisions": columns["decisions"][place]}
        for key, columns in document["variants"].items()
        for place, at in enumerate(document["at"])
    ]
    return Drawn(graph(figure, f"{title(name)} per decision of each variant over time."), rows)


def exploration(view: View) -> Drawn:
    """How much of the traffic goes to arms other than the most used one, by day or hour."""
    document = results.trends(view)
    if document is None:
        return Drawn(no_campaign())
    if not document["arms"]:
        return Drawn(empty("Nothing has matured yet."), [])
    counts = [columns["decisions"] for columns in document["arms"].values()]
    whole = [sum(slot) for slot in zip(*counts, strict=True)]
    most = [max(slot) for slot in zip(*counts, strict=True)]
    other = [total - top for total, top in zip(whole, most, strict=True)]
    columns = {"other arms than the most used": {"decisions": whole, "other": other}}
    figure = rates(document["at"], columns, "other", "share of decisions", percent=True)
    rows = [{"at": at, "share": o / w if w else None} for at, o, w in zip(document["at"], other, whole, strict=True)]
    return Drawn(graph(figure, "Share of decisions that went to arms other than the most used one."), rows)


def calibration(view: View) -> Component:
    """Whether arms were drawn as often as the logged probabilities say."""
    document = results.results(view)
    if document is None:
        return no_campaign()
    found = [
        check
        for check in document["checks"]
        if check["name"] in ("propensity_calibration", "adaptive_ratio", "draw_independence")
    ]
    rows = [
        {
            "check": title(check["name"]),
            "state": state({"ok": "passed", "too_few": "waiting"}.get(check["status"], check["status"])),
            "detail": check["detail"],
        }
        for check in found
    ]
    return table({"check": "Check", "state": "", "detail": "What it found"}, rows, "Propensity checks", 420)


def lineage(view: View) -> Drawn:
    """Snapshots, newest first, each with its parent."""
    document = models.lineage(view)
    if document is None:
        return Drawn(no_campaign())
    if not document["items"]:
        return Drawn(empty("No snapshot yet.", "The first one is published once decisions have matured."), [])
    rows = document["items"]
    shown = [
        {
            "id": f"No. {row['id']}",
            "variant": row["variant"],
            "parent": f"No. {row['parent_id']}" if row["parent_id"] else "none",
            "rounds": number(row["rounds"]),
            "created": moment(row["created_at"]),
            "size": f"{row['bytes'] / 1024:,.0f} KiB",
            "hash": row["sha256"][:12],
        }
        for row in rows[:LATEST]
    ]
    columns = {
        "id": "Snapshot",
        "variant": "Variant",
        "parent": "Parent",
        "rounds": "Learned from #",
        "created": "Published",
        "size": "Size #",
        "hash": "SHA-256",
    }
    counted = ", ".join(f"{key}: {number(one['snapshots'])}" for key, one in document["variants"].items())
    more = dmc.Text(f"In all {counted}; the newest {len(shown)} are shown.", size="sm", c="dimmed")
    return Drawn(dmc.Stack([dmc.ScrollArea(table(columns, shown, "Snapshots", 720), h=420), more]), rows)


MODELS = Page(
    path="/models",
    title="Models",
    group="Evidence",
    icon="models",
    sections=(
        Section("freshness", "Learned policies", freshness),
        Section("curve", "Learning curve", curve, span=6, height=320),
        Section("exploration", "Exploration", exploration, span=6, height=320),
        Section(
            "calibration", "Are the probabilities right?", calibration, explain="Arms must be drawn as often as logged"
        ),
        Section("lineage", "Snapshots", lineage, height=420),
    ),
    filters=("campaign", "period"),
)
