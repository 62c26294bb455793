"""What other policies would have earned on the log: ask, wait, read."""

from datetime import UTC, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.aria import labelled
from dashboard.callbacks import Callbacks, notify
from dashboard.cards.empty import empty, no_campaign
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.charts.graph import graph
from dashboard.charts.intervals import forest
from dashboard.data import replays
from dashboard.filters import Filters
from dashboard.format import moment, number
from dashboard.page import Drawn, Page, Section, View
from dashboard.sections import woken
from dashboard.who import Who

QUEUE = {"id": "Replay", "asked": "Asked", "by": "By", "state": "State", "progress": "Progress", "action": ""}
BOARD = {
    "policy": "Policy",
    "value": "Value #",
    "interval": "95 % interval #",
    "versus": "Versus logging #",
    "rows": "Worth rows #",
    "verdict": "Verdict",
}


def head(view: View) -> Component:
    """The form; for who may only read, a sentence."""
    if not view.who.may("analyse"):
        return dmc.Text("Your role reads replays; an analyst starts them.", c="dimmed", mb="md")
    fields = dmc.Group(
        [
            dmc.MultiSelect(
                id="replay-policies",
                label="Candidate policies",
                placeholder="the usual ones",
                data=replays.candidates(view.who, view.filters.campaign) if view.filters.campaign else [],
                searchable=True,
                clearable=True,
                w={"base": "100%", "sm": 420},
            ),
            dmc.MultiSelect(
                id="replay-estimators",
                label="Estimators",
                placeholder="all",
                data=list(replays.ESTIMATOR_NAMES),
                clearable=True,
                w={"base": "100%", "sm": 300},
            ),
            dmc.Button("Start replay", id="replay-begin"),
        ],
        align="end",
    )
    return dmc.Paper(fields, withBorder=True, p="md", mb="md")


def queue(view: View) -> Drawn:
    """The newest replays with their progress."""
    if view.filters.campaign is None:
        return Drawn(no_campaign())
    rows = replays.listed(view.who, view.filters.campaign)
    if not rows:
        return Drawn(empty("No replay yet.", "Choose candidates above and start one; it runs in the background."), [])
    shown = [
        {
            "id": dcc.Link(f"No. {row['id']}", href=f"/replay{view.filters.with_own(replay=str(row['id'])).search()}"),
            "asked": moment(row["created_at"]),
            "by": row["created_by"],
            "state": state(row["status"]),
            "progress": _progress(row),
            "action": _cancel(view, row),
        }
        for row in rows
    ]
    return Drawn(
        table(QUEUE, shown, "Replays, newest first", 640), [{**row, "request": str(row["request"])} for row in rows]
    )


def _progress(row: dict[str, Any]) -> Component:
    if row["status"] != "running":
        return dmc.Text(row["error"] or row["stage"], size="sm")
    label = f"Replay {row['id']}: {row['stage']}"
    bar = dmc.Progress(value=round(100 * row["progress"]), w=120, **labelled(label))
    return dmc.Group([bar, dmc.Text(row["stage"], size="sm")], gap="xs")


def _cancel(view: View, row: dict[str, Any]) -> Any:
    if row["status"] in replays.OVER or not view.who.may("analyse"):
        return ""
    return dmc.Button(
        "Cancel",
        id={"type": "replay-cancel", "id": row["id"]},
        size="compact-xs",
        variant="default",
        **labelled(f"Cancel replay {row['id']}"),
    )


def _result(view: View) -> dict[str, Any] | None:
    """The chosen replay's result, else that of the newest one that is done."""
    chosen = view.filters.own.get("replay", "")
    if chosen.isdecimal():
        found: dict[str, Any] | None = replays.one(view.who, int(chosen))["result"]
        return found
    if view.filters.campaign is None:
        return None
    done = [row["id"] for row in replays.listed(view.who, view.filters.campaign) if row["status"] == "done"]
    return replays.one(view.who, done[0])["result"] if done else None


def conclusion(view: View) -> Component:
    """What to make of it, in words, and what speaks against it."""
    result = _result(view)
    if result is None:
        return empty("No result yet.", "It stands here as soon as a replay is done.")
    told, doubts = replays.told(result)
    parts: list[Component] = [dmc.Text(told, fw=600)]
    parts += [dmc.Text(doubt, size="sm") for doubt in doubts[:1]]
    if doubts[1:]:
        parts.append(_folded(doubts[1:]))
    return dmc.Stack(parts, gap="xs")


def _folded(doubts: list[str]) -> Component:
    label = dmc.Text(f"{len(doubts)} more remarks on how far to trust it", size="sm", fw=600)
    said = dmc.List([dmc.ListItem(doubt) for doubt in doubts], size="sm", spacing=4)
    item = dmc.AccordionItem([dmc.AccordionControl(label), dmc.AccordionPanel(said)], value="doubts")
    return dmc.Accordion(item, variant="contained")


def board(view: View) -> Drawn:
    """Every candidate, best first: value, interval, difference from what ran, how far to trust it."""
    result = _result(view)
    if result is None:
        return Drawn(empty("No result yet."), [])
    estimator = replays.headline_of(result)
    rows = [_line(name, policy, estimator) for name, policy in result["policies"].items()]
    rows.sort(key=lambda row: -float("inf") if row["_value"] is None else row["_value"], reverse=True)
    flat = [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]
    shown = [{**row, "verdict": state(row["verdict"])} for row in flat]
    estimates = [(row["policy"], row["_versus"]) for row in rows if row["policy"] != "logging"]
    figure = forest(estimates, f"difference from what ran ({estimator})", reference=0.0)
    told = f"Difference of each policy from the one that ran, by {estimator}."
    return Drawn(dmc.Stack([graph(figure, told), table(BOARD, shown, "Policies, best first", 720)]), flat)


def _line(name: str, policy: dict[str, Any], estimator: str) -> dict[str, Any]:
    value, versus = policy["estimates"][estimator], policy["versus_logging"][estimator]
    return {
        "policy": name,
        "value": number(value["value"], 4),
        "interval": _bounds(value),
        "versus": _bounds(versus),
        "rows": number(policy["diagnostics"]["effective_n"]),
        "verdict": policy["verdict"],
        "_value": value["value"],
        "_versus": versus,
    }


def _bounds(estimate: dict[str, Any]) -> str:
    if estimate["lower"] is None and estimate["upper"] is None:
        return "no interval"
    return f"{number(estimate['lower'])} to {number(estimate['upper'])}"


def register(callbacks: Callbacks) -> None:
    """Start and cancel."""

    @callbacks.on("read", Output("replay-policies", "data"), Input(woken("replay"), "data"), prevent_initial_call=True)
    def offered(who: Who, address: dict[str, Any]) -> Any:
        chosen = Filters.parse(address["search"]).campaign
        if chosen is None:
            raise PreventUpdate
        return replays.candidates(who, chosen)

    @callbacks.on(
        "analyse",
        Output("tick", "n_intervals", allow_duplicate=True),
        Input("replay-begin", "n_clicks"),
        State("replay-policies", "value"),
        State("replay-estimators", "value"),
        State("url", "search"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def begun(who: Who, clicks: int | None, policies: Any, estimators: Any, search: str, tick: int) -> int:
        filters = Filters.parse(search)
        if not clicks or filters.campaign is None:
            raise PreventUpdate
        asked = replays.begin(who, filters.campaign, policies, estimators, filters.span(datetime.now(UTC)))
        notify("Started", f"Replay {asked} waits for the worker; its progress is shown below.")
        return (tick or 0) + 1

    @callbacks.on(
        "analyse",
        Output("tick", "n_intervals", allow_duplicate=True),
        Input({"type": "replay-cancel", "id": ALL}, "n_clicks"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def cancelled(who: Who, clicks: list[int | None], tick: int) -> int:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            raise PreventUpdate
        replays.cancel(who, ctx.triggered_id["id"])
        notify("Cancelled", f"Replay {ctx.triggered_id['id']} ends.")
        return (tick or 0) + 1


REPLAY = Page(
    path="/replay",
    title="Offline replay",
    group="Evidence",
    icon="replay",
    sections=(
        Section("conclusion", "What it says", conclusion, span=12, height=80),
        Section(
            "board", "Leaderboard", board, span=12, explain="Worth rows: how many rows of the log speak for the policy"
        ),
        Section("queue", "Replays", queue, span=12),
    ),
    filters=("campaign", "period"),
    head=head,
    register=register,
)
