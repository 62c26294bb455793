"""Another secret in the place of one, shown once: a key is rotated, a forgotten password is reset."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.callbacks import Callbacks
from dashboard.data import accounts
from dashboard.who import Who

ROTATE, RESET = "rotate", "reset"
"""Types of the ids of the buttons that begin it; `id` is the key's or the person's number."""

SENTENCES = {
    ROTATE: "A new key with the same name, scopes and limits. The old one goes on as long as you say; give the new one "
    "to the system by then.",
    RESET: "The person is signed out everywhere, and the password of now stops working. You get another one to hand "
    "over; it lasts until the person signs in and chooses the next.",
}
TITLES = {ROTATE: "Rotate a key", RESET: "Reset a password"}


def dialogue() -> Component:
    """What is asked, and where the new secret is shown."""
    fields = [
        dmc.Text(id="replace-sentence", size="sm"),
        dmc.NumberInput(
            id="replace-days",
            label="Days for which the old key goes on",
            description=f"0 to {accounts.LONGEST_OVERLAP}",
            value=1,
            min=0,
            max=accounts.LONGEST_OVERLAP,
            allowDecimal=False,
        ),
        html.Div(id="replace-shown", role="status"),
        dmc.Group(
            [
                dmc.Button("Close", id="replace-close", variant="default"),
                dmc.Button("Replace it", id="replace-do"),
            ],
            justify="flex-end",
        ),
    ]
    window = dmc.Modal(dmc.Stack(fields, gap="sm"), id="replace-window", title="", centered=True)
    return dmc.Box([dcc.Store(id="replace-what"), window])


def register(callbacks: Callbacks) -> None:
    """Buttons open the dialogue; the dialogue replaces."""

    @callbacks.on(
        "admin",
        Output("replace-window", "opened"),
        Output("replace-window", "title"),
        Output("replace-sentence", "children"),
        Output("replace-days", "style"),
        Output("replace-do", "style"),
        Output("replace-shown", "children"),
        Output("replace-what", "data"),
        Input({"type": ROTATE, "id": ALL}, "n_clicks"),
        Input({"type": RESET, "id": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def asked(_who: Who, _rotated: Any, _reset: Any) -> Any:
        pressed = ctx.triggered_id
        if not isinstance(pressed, dict) or pressed["type"] not in TITLES or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        kind = pressed["type"]
        days = {} if kind == ROTATE else {"display": "none"}
        return True, TITLES[kind], SENTENCES[kind], days, {}, None, {"kind": kind, "id": pressed["id"]}

    @callbacks.on(
        "admin",
        Output("replace-shown", "children", allow_duplicate=True),
        Output("replace-do", "style", allow_duplicate=True),
        Output("replace-what", "data", allow_duplicate=True),
        Output("tick", "n_intervals", allow_duplicate=True),
        Input("replace-do", "n_clicks"),
        State("replace-what", "data"),
        State("replace-days", "value"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def replaced(who: Who, clicks: int | None, what: Any, days: Any, tick: int) -> Any:
        if not clicks or not isinstance(what, dict) or not isinstance(what.get("id"), int):
            raise PreventUpdate
        return _shown(_replace(who, what, days)), {"display": "none"}, None, (tick or 0) + 1

    callbacks.in_browser(
        "() => [false, null]",
        Output("replace-window", "opened", allow_duplicate=True),
        Output("replace-shown", "children", allow_duplicate=True),
        Input("replace-close", "n_clicks"),
        prevent_initial_call=True,
    )


def _replace(who: Who, what: Mapping[str, Any], days: Any) -> str:
    if what.get("kind") == RESET:
        return accounts.reset_password(who, what["id"])
    return accounts.rotate(who, what["id"], days if isinstance(days, int) else 1)


def _shown(secret: str) -> Component:
    whole = {"whiteSpace": "pre-wrap", "wordBreak": "break-all"}
    code = dmc.Code(secret, block=True, style=whole)
    return dmc.Alert(code, title="Copy it now: it is shown this once", color="teal")
