"""One user or one decision: what was known, what was possible, how it was drawn, and what came of it."""

from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, dcc
from dash.development.base_component import Component

from dashboard.callbacks import Callbacks, notify
from dashboard.cards.empty import empty, no_campaign
from dashboard.cards.state import state
from dashboard.cards.table import facts, table
from dashboard.charts.graph import graph
from dashboard.charts.probabilities import probabilities
from dashboard.data import decisions
from dashboard.filters import Filters
from dashboard.format import moment, number, percent
from dashboard.page import Drawn, Page, Section, View
from dashboard.who import Who

COLUMNS = {
    "decided": "Decided",
    "unit": "User",
    "arm": "Arm",
    "variant": "Variant",
    "chance": "Probability #",
    "state": "",
}


def head(view: View) -> Component:
    """The search."""
    own = view.filters.own
    return dmc.Group(
        [
            dmc.TextInput(id="inspect-unit", label="User", value=own.get("unit", ""), w=260),
            dmc.TextInput(id="inspect-decision", label="or a decision's id", value=own.get("decision", ""), w=260),
            dmc.Button("Look up", id="inspect"),
        ],
        align="end",
        mb="md",
    )


def found(view: View) -> Drawn:
    """The newest decisions of the user, or of the campaign."""
    filters = view.filters
    if filters.campaign is None:
        return Drawn(no_campaign())
    rows = decisions.latest(view.who, filters.campaign, filters.own.get("unit"))
    if not rows:
        unit = filters.own.get("unit")
        return Drawn(empty(f"No decision about {unit} in this campaign." if unit else "No decision yet."), [])
    shown = [
        {
            "decided": dcc.Link(moment(row["decided_at"]), href=_address(filters, row["decision_id"])),
            "unit": row["unit_id"],
            "arm": row["arm"],
            "variant": row["variant"],
            "chance": percent(row["propensity"]),
            "state": state(_state(row)),
        }
        for row in rows
    ]
    flat = [
        {key: row[key] for key in ("decision_id", "unit_id", "decided_at", "arm", "variant", "propensity")}
        for row in rows
    ]
    listed = dmc.ScrollArea(table(COLUMNS, shown, "Decisions, newest first", 640), h=min(60 + 46 * len(rows), 420))
    return Drawn(_folded(listed, len(rows)) if filters.own.get("decision") else listed, flat)


def _folded(listed: Component, count: int) -> Component:
    """What is chosen stands first; the list is a click away."""
    label = dmc.Text(f"The newest {count} decisions", size="sm", fw=600)
    item = dmc.AccordionItem([dmc.AccordionControl(label), dmc.AccordionPanel(listed)], value="list")
    return dmc.Accordion(item, variant="contained", chevronPosition="left")


def _address(filters: Filters, decision_id: str) -> str:
    return f"/inspector{filters.with_own(decision=decision_id).search()}"


def _state(row: dict[str, Any]) -> str:
    if row["void"]:
        return "void"
    if row["mode"] == "forced":
        return "forced"
    return "matured" if row["matured"] else "open"


def known(view: View) -> Component:
    """Who, when, and the context as it was used."""
    row = _chosen(view)
    if row is None:
        return _choose()
    about = {
        "Decision": row["decision_id"],
        "User": row["unit_id"],
        "Decided": moment(row["decided_at"]),
        "Variant": f"{row['variant']} (policy {row['policy']}, revision {row['revision']})",
        "Mode": row["mode"],
        "Snapshot": row["snapshot_id"] if row["snapshot_id"] is not None else "none: nothing was learned yet",
        "Segment": row["segment"] or "none",
        "Matures": moment(row["matures_at"]),
    }
    context = {name: _shown(value) for name, value in sorted(row["context"].items())}
    known_of = (
        facts(context) if context else dmc.Text("Nothing: erased, or no context was given.", c="dimmed", size="sm")
    )
    return dmc.Stack([facts(about), dmc.Divider(label="Known before the decision"), known_of])


def possible(view: View) -> Drawn:
    """The pmf over what was eligible, the draw, and why the rest was not."""
    row = _chosen(view)
    if row is None:
        return Drawn(_choose())
    pmfs = {f"{row['variant']} (decided)": row["pmf"], **(row.get("under_other_variants") or {})}
    pmfs |= {f"shadow {name}": dict(zip(row["eligible"], pmf, strict=True)) for name, pmf in row["shadow"].items()}
    told = (
        f"{row['arm']} was drawn with a probability of {percent(row['propensity'])} from {len(row['eligible'])} arms."
    )
    parts: list[Component] = [
        graph(probabilities(pmfs, row["arm"]), told),
        dmc.Text(row["explanation"]["sentence"], size="sm"),
    ]
    if row["excluded"]:
        why = [{"arm": arm, "why": reason} for arm, reason in row["excluded"].items()]
        parts.append(table({"arm": "Not eligible", "why": "Why"}, why, "Arms that could not be drawn, and why", 300))
    rows = [{"arm": arm, **{name: pmf.get(arm) for name, pmf in pmfs.items()}} for arm in row["eligible"]]
    return Drawn(dmc.Stack(parts), rows)


def came_of(view: View) -> Drawn:
    """Outcomes that count for it, and what they add up to."""
    row = _chosen(view)
    if row is None:
        return Drawn(_choose())
    if row["void"]:
        return Drawn(
            empty(f"Never delivered: {row['void']['reason']}.", f"Void since {moment(row['void']['voided_at'])}"), []
        )
    counted = row["round"]
    parts: list[Component] = []
    if counted is None:
        parts.append(dmc.Text(f"Still open until {moment(row['matures_at'])}; what came so far may grow.", size="sm"))
    else:
        parts.append(
            facts({"Reward": number(counted["reward"]), **{k: number(v) for k, v in counted["metrics"].items()}})
        )
    outcomes = row["outcomes"]
    shown = [{**one, "occurred_at": moment(one["occurred_at"]), "value": number(one["value"])} for one in outcomes]
    columns = {"kind": "Outcome", "value": "Value #", "occurred_at": "When", "class": "Counted as"}
    parts.append(table(columns, shown, "Outcomes", 360) if outcomes else dmc.Text("No outcome.", c="dimmed", size="sm"))
    return Drawn(dmc.Stack(parts), outcomes)


def derived(view: View) -> Component:
    """The proof, and the button to make it again."""
    row = _chosen(view)
    if row is None:
        return _choose()
    told = row["explanation"]
    said = {
        "Draw": "erased" if told["draw"] is None else f"{told['draw']:.9f}",
        "Gives the same arm": state("yes" if told["same_draw"] else "no"),
        "Probabilities differ by": "unknown" if told["pmf_difference"] is None else f"{told['pmf_difference']:.2g}",
        "Same probabilities": state("yes" if told["same_pmf"] else "no"),
    }
    if told["reason"]:
        said["Because"] = told["reason"]
    return dmc.Stack([facts(said), dmc.Button("Derive it again", id="derive", variant="default", w=180)])


def _chosen(view: View) -> dict[str, Any] | None:
    chosen = view.filters.own.get("decision")
    return decisions.one(view.who, chosen) if chosen else None


def _choose() -> Component:
    return empty("No decision chosen.", "Choose one in the list, or look one up by its id.")


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def register(callbacks: Callbacks) -> None:
    """The search and the button."""

    @callbacks.on(
        "read",
        Output("url", "search", allow_duplicate=True),
        Input("inspect", "n_clicks"),
        Input("inspect-unit", "n_submit"),
        Input("inspect-decision", "n_submit"),
        State("inspect-unit", "value"),
        State("inspect-decision", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def looked_up(_who: Who, *values: Any) -> str:
        unit, decision, search = values[-3:]
        own = {"unit": (unit or "").strip() or None, "decision": (decision or "").strip() or None}
        return Filters.parse(search).with_own(**own).search()

    @callbacks.on("read", Input("derive", "n_clicks"), State("url", "search"), prevent_initial_call=True)
    def derive(who: Who, clicks: int | None, search: str) -> None:
        chosen = Filters.parse(search).own.get("decision")
        if clicks and chosen:
            told = decisions.one(who, chosen)["explanation"]
            same = told["same_draw"] and told["same_pmf"]
            notify(
                "Derived again",
                "Draw and probabilities are as stored." if same else "It differs from what is stored.",
                "teal" if same else "red",
            )


INSPECTOR = Page(
    path="/inspector",
    title="Decision inspector",
    group="Evidence",
    icon="inspector",
    sections=(
        Section("found", "Decisions", found, span=12),
        Section("known", "What was known", known, span=5, live=False),
        Section(
            "possible", "What was possible", possible, span=7, live=False, explain="★ marks the arm that was drawn"
        ),
        Section("outcomes", "What came of it", came_of, span=7),
        Section(
            "derived",
            "Derived again",
            derived,
            span=5,
            live=False,
            explain="The draw is a pure function of the stored record",
        ),
    ),
    filters=("campaign",),
    head=head,
    register=register,
)
