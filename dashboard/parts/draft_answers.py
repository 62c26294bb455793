"""What the designer answers beside the form: who would take part, how long it takes, what a bandit would do."""

from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.aria import labelled
from dashboard.callbacks import Callbacks, no_update
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.data import designing
from dashboard.designer.conditions import why_not
from dashboard.designer.document import Json
from dashboard.designer.planning import LIFTS, Belief, fixed_sentence, fixed_test, simulation
from dashboard.designer.words import policy_label
from dashboard.format import money, number, percent
from dashboard.parts.drafting import DRAFT
from dashboard.who import Who
from experiments.errors import InvalidError

BELIEFS = ("plan-base", "plan-lift", "plan-day", "plan-value")
OVER = ("done", "failed")


def register(callbacks: Callbacks) -> None:
    """Three answers, each by itself."""

    @callbacks.on("experiment", Output("design-audience", "children"), Input("design-rule", "data"))
    def previewed(who: Who, held: Json) -> Component:
        return who_takes_part(who, held["rule"])

    @callbacks.on(
        "experiment",
        Output("design-plan", "children"),
        Output("design-simulate-box", "hidden"),
        Input(DRAFT, "data"),
        *[Input(name, "value") for name in BELIEFS],
    )
    def planned(_who: Who, design: Json, *values: Any) -> Any:
        belief = believed(values)
        return sizes(design["document"], belief), simulation(design["document"], belief) is None

    _register_simulating(callbacks)


def _register_simulating(callbacks: Callbacks) -> None:
    @callbacks.on(
        "experiment",
        Output("design-simulated", "data"),
        Output("design-clock", "disabled"),
        Output("design-simulation", "children"),
        Input("design-simulate", "n_clicks"),
        State(DRAFT, "data"),
        *[State(name, "value") for name in BELIEFS],
        prevent_initial_call=True,
    )
    def simulated(who: Who, clicks: int | None, design: Json, *values: Any) -> Any:
        document = simulation(design["document"], believed(values))
        if not clicks or document is None:
            raise PreventUpdate
        found = designing.simulated(who, designing.simulate(who, document))
        return found["id"], found["status"] in OVER, outcome(found, design["document"]["currency"])

    @callbacks.on(
        "experiment",
        Output("design-clock", "disabled", allow_duplicate=True),
        Output("design-simulation", "children", allow_duplicate=True),
        Input("design-clock", "n_intervals"),
        State("design-simulated", "data"),
        State(DRAFT, "data"),
        prevent_initial_call=True,
    )
    def followed(who: Who, _ticks: int, asked: int | None, design: Json) -> Any:
        if not isinstance(asked, int):
            raise PreventUpdate
        found = designing.simulated(who, asked)
        over = found["status"] in OVER
        return over or no_update, outcome(found, design["document"]["currency"])


def believed(values: tuple[Any, ...]) -> Belief:
    """What was typed; what makes no sense is as usual."""
    usual = Belief()
    given = [value if isinstance(value, int | float) and value > 0 else None for value in values]
    base, lift, per_day, value = given
    return Belief(
        min(base / 100, 0.99) if base else usual.base,
        lift / 100 if lift else usual.lift,
        per_day or usual.per_day,
        value or usual.value,
    )


def sizes(document: Json, belief: Belief) -> Component:
    """How long a fixed test takes, for the lift worth finding and for others."""
    if any(not isinstance(each.get("share"), int | float) for each in document["variants"]):
        return dmc.Text("Give every variant a share.", size="sm", c="dimmed")
    asked = fixed_test(document, belief)
    if asked is None:
        return dmc.Text("With one variant there is nothing to compare.", size="sm", c="dimmed")
    plan, why = designing.sized(asked)
    if plan is None:
        return dmc.Text(f"No plan: {why}.", size="sm", className="worse")
    rows = [_line(document, belief, lift) for lift in sorted({*LIFTS, belief.lift})]
    columns = {"lift": "Lift", "users": "Users #", "days": "Days #"}
    told = dmc.Text(fixed_sentence(plan, belief), size="sm", fw=600)
    return dmc.Stack([told, table(columns, rows, "How long, by the lift to be found", 200)], gap="xs")


def _line(document: Json, belief: Belief, lift: float) -> dict[str, str]:
    plan, _ = designing.sized(fixed_test(document, belief, lift) or {})
    found = plan or {"n": None, "days": None}
    return {"lift": percent(lift, signed=True), "users": number(found["n"]), "days": number(found["days"])}


def who_takes_part(who: Who, rule: Any) -> Component:
    """How many of a sample, and five of them."""
    try:
        found = designing.eligible(who, rule)
    except InvalidError:
        return dmc.Text("Shown as soon as the conditions are complete.", size="sm", c="dimmed")
    if not found["sampled"]:
        return dmc.Text("No user is stored yet: import profiles, or send them with each request.", size="sm")
    share = percent(found["eligible"] / found["sampled"])
    among = "all stored users" if found["whole"] else "a sample of the stored users"
    told = f"{number(found['eligible'])} of {number(found['sampled'])} ({share}), {among}."
    rows = [
        {
            "unit": dmc.Text(each["unit_id"], size="sm", style={"overflowWrap": "anywhere"}),
            "in": state("yes" if each["eligible"] else "no"),
            "why": dmc.Text("; ".join(why_not(rule, each["facts"])), size="xs"),
        }
        for each in found["examples"]
    ]
    columns = {"unit": "User", "in": "In", "why": "Why not"}
    unknown = dmc.Text(
        "What your systems send with a request comes on top and is not known here.", size="xs", c="dimmed"
    )
    examples = [table(columns, rows, "Five examples", 260)] if rows else []
    return dmc.Stack([dmc.Text(told, size="sm", fw=600), *examples, unknown], gap="xs")


def outcome(plan: Json, currency: str) -> Component:
    """A simulation: waiting, failed, or what each policy would lose and take."""
    if plan["status"] == "failed":
        return dmc.Text(f"The simulation failed: {plan['error']}", size="sm", className="worse")
    if plan["status"] != "done":
        word = "is being simulated" if plan["status"] == "running" else "waits for the worker"
        bar = dmc.Progress(value=100, animated=True, striped=True, **labelled(f"The campaign {word}"))
        return dmc.Stack([dmc.Text(f"The campaign {word}.", size="sm"), bar], gap=4)
    rows = [
        {
            "policy": policy_label(each["policy"]),
            "lost": money(each["regret"]["value"], currency),
            "best": percent(each["probability_best"]["value"]),
            "days": number(each["days_to_separation"]),
        }
        for each in plan["result"]["bandit"]
    ]
    columns = {"policy": "Policy", "lost": "Lost #", "best": "Ends right #", "days": "Days #"}
    told = (
        "Simulated over 28 days with two kinds of users who like the arms in opposite order. Lost: against always "
        "knowing the best arm. Ends right: for how many users it ends with their best arm. Days: until the two best "
        "arms are told apart."
    )
    return dmc.Stack([table(columns, rows, "What each policy would do", 360), dmc.Text(told, size="xs", c="dimmed")])
