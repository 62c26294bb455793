"""Who may do what: people, keys of systems, and the trail of what was done."""

import json
from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.aria import labelled
from dashboard.callbacks import Callbacks, notify
from dashboard.cards.empty import empty
from dashboard.cards.state import state
from dashboard.cards.table import table
from dashboard.data import accounts
from dashboard.format import moment
from dashboard.page import Drawn, Page, Section, View
from dashboard.parts import replacing
from dashboard.who import Who

DETAIL = 160
"""Characters of an entry's detail that are shown; files hold all of it."""

ROLE_WORDS = {
    "viewer": "Viewer: reads",
    "analyst": "Analyst: reads and replays",
    "experimenter": "Experimenter: creates and changes campaigns",
    "admin": "Admin: everything, accounts included",
}


def head(_view: View) -> Component:
    """The two forms."""
    return dmc.Grid(
        [
            dmc.GridCol(_person_form(), span={"base": 12, "md": 6}),
            dmc.GridCol(_key_form(), span={"base": 12, "md": 6}),
            replacing.dialogue(),
        ],
        mb="md",
    )


def _person_form() -> Component:
    roles = [{"value": role, "label": ROLE_WORDS[role]} for role in accounts.ROLE_NAMES]
    fields = [
        dmc.TextInput(id="person-email", label="E-mail"),
        dmc.PasswordInput(
            id="person-password",
            label="First password",
            description=f"{accounts.SHORTEST_PASSWORD} characters or more; the person chooses another when signing in",
        ),
        dmc.Select(id="person-role", label="Role", data=roles, value="viewer", allowDeselect=False),
        dmc.Button("Add person", id="person-add"),
    ]
    return _form("Add a person", fields)


def _key_form() -> Component:
    fields = [
        dmc.TextInput(id="key-name", label="Name of the system"),
        dmc.MultiSelect(id="key-scopes", label="May", data=list(accounts.SCOPE_NAMES), value=["assign", "outcomes"]),
        dmc.NumberInput(id="key-days", label="Days until it expires (empty: never)", min=1, allowDecimal=False),
        dmc.Button("Create key", id="key-add"),
        html.Div(id="key-made", role="status"),
    ]
    return _form("Create a key", fields)


def _form(title: str, fields: list[Component]) -> Component:
    return dmc.Paper(
        [dmc.Title(title, order=2, size="h4", mb="sm"), dmc.Stack(fields, gap="sm")], withBorder=True, p="md", h="100%"
    )


def people(view: View) -> Drawn:
    """Everyone, with what can be done about them."""
    rows = accounts.people(view.who)
    shown = [
        {
            "email": row["email"],
            "role": dmc.Select(
                id={"type": "role", "user": row["id"]},
                data=list(accounts.ROLE_NAMES),
                value=row["role"],
                size="xs",
                w=130,
                allowDeselect=False,
                **labelled(f"Role of {row['email']}"),
            ),
            "since": moment(row["created_at"]),
            "state": state("disabled" if row["disabled_at"] else "active"),
            "action": _person_action(row, is_own=view.who.principal.name == f"user:{row['email']}"),
        }
        for row in rows
    ]
    columns = {"email": "E-mail", "role": "Role", "since": "Since", "state": "State", "action": ""}
    return Drawn(table(columns, shown, "People with a login", 640), rows)


def _person_action(row: Mapping[str, Any], *, is_own: bool) -> Component:
    access = _button("access", row["id"], "Give access" if row["disabled_at"] else "Take access", row["email"])
    if is_own:  # who is signed out by it could not read the password
        return access
    return _beside(access, _button(replacing.RESET, row["id"], "Reset password", row["email"]))


def keys(view: View) -> Drawn:
    """Keys, the revoked ones too."""
    rows = accounts.credentials(view.who)
    shown = [
        {
            "name": f"{row['name']} ({row['prefix']}…)",
            "scopes": ", ".join(row["scopes"]),
            "since": moment(row["created_at"]),
            "used": moment(row["last_used_at"]) if row["last_used_at"] else "never",
            "expires": moment(row["expires_at"]) if row["expires_at"] else "never",
            "action": _key_action(row),
        }
        for row in rows
    ]
    columns = {
        "name": "Key",
        "scopes": "May",
        "since": "Since",
        "used": "Last used",
        "expires": "Expires",
        "action": "",
    }
    return Drawn(
        table(columns, shown, "Keys of systems", 640), [{**row, "scopes": " ".join(row["scopes"])} for row in rows]
    )


def _key_action(row: Mapping[str, Any]) -> Component:
    if row["revoked_at"]:
        return state("revoked")
    revoke = _button("revoke", row["id"], "Revoke", row["name"])
    if row["replaced_by"] is not None:
        return _beside(state("rotated"), revoke)
    return _beside(_button(replacing.ROTATE, row["id"], "Rotate", row["name"]), revoke)


def _beside(*actions: Component) -> Component:
    return dmc.Group(list(actions), gap="xs", wrap="nowrap")


TROUBLE_WORDS = {
    "sign_in_failed": "Sign-in failed",
    "locked_out": "Too many sign-ins",
    "unknown_key": "Unknown, revoked or expired key",
    "refused_scope": "Scope missing",
    "new_address": "Key used from a new address",
    "rate_limited": "Rate limit reached",
    "audit_broken": "Audit trail changed",
}


def trouble(view: View) -> Drawn:
    """Signs of trouble, each with what to do next."""
    rows = accounts.trouble(view.who)
    if not rows:
        return Drawn(empty("No signs of trouble in the last 30 days."), [])
    shown = [
        {
            "what": TROUBLE_WORDS.get(row["kind"], row["kind"]),
            "who": row["subject"] or "nobody known",
            "from": row["address"] or "here",
            "count": str(row["count"]),
            "last": moment(row["last_at"]),
            "next": row["next_step"],
        }
        for row in rows
    ]
    columns = {"what": "What", "who": "Who", "from": "From", "count": "Times #", "last": "Last", "next": "Next step"}
    return Drawn(table(columns, shown, "Signs of trouble, newest first", 800), rows)


def trail(view: View) -> Drawn:
    """The latest hundred entries."""
    rows = [{**row, "detail": json.dumps(row["detail"], sort_keys=True)} for row in accounts.trail(view.who)]
    shown = [
        {**row, "at": dmc.Text(moment(row["at"]), size="sm", style={"whiteSpace": "nowrap"}), "detail": _short(row)}
        for row in rows
    ]
    columns = {"at": "When", "actor": "Who", "action": "Did", "target": "To what", "detail": "Detail"}
    return Drawn(table(columns, shown, "The audit trail", 800), rows)


def _short(row: Mapping[str, Any]) -> Component | str:
    text = row["detail"]
    return "" if text == "{}" else dmc.Code(text if len(text) <= DETAIL else f"{text[:DETAIL]} …")


def _button(kind: str, number: int, label: str, about: str) -> Component:
    return dmc.Button(
        label,
        id={"type": kind, "id": number},
        size="compact-xs",
        variant="default",
        **labelled(f"{label}: {about}"),
    )


def register(callbacks: Callbacks) -> None:
    """What the forms and buttons do."""
    replacing.register(callbacks)

    @callbacks.on(
        "admin",
        Output("person-email", "value"),
        Output("person-password", "value"),
        Output("tick", "n_intervals", allow_duplicate=True),
        Input("person-add", "n_clicks"),
        State("person-email", "value"),
        State("person-password", "value"),
        State("person-role", "value"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def add_person(who: Who, _n: int, email: str | None, password: str | None, role: str, tick: int) -> Any:
        accounts.add_person(who, email or "", password or "", role)
        notify("Added", f"{email} can sign in now.")
        return "", "", (tick or 0) + 1

    @callbacks.on(
        "admin",
        Output("key-made", "children"),
        Output("tick", "n_intervals", allow_duplicate=True),
        Input("key-add", "n_clicks"),
        State("key-name", "value"),
        State("key-scopes", "value"),
        State("key-days", "value"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def add_key(who: Who, _n: int, name: str | None, scopes: list[str] | None, days: Any, tick: int) -> Any:
        key = accounts.add_key(who, name or "", scopes or [], days or None)
        shown = dmc.Alert(dmc.Code(key, block=True), title="Copy it now: it is shown this once", color="teal")
        return shown, (tick or 0) + 1

    @callbacks.on(
        "admin",
        Output("tick", "n_intervals", allow_duplicate=True),
        Input({"type": "role", "user": ALL}, "value"),
        Input({"type": "access", "id": ALL}, "n_clicks"),
        Input({"type": "revoke", "id": ALL}, "n_clicks"),
        State("tick", "n_intervals"),
        prevent_initial_call=True,
    )
    def changed(who: Who, _roles: Any, _access: Any, _revoked: Any, tick: int) -> int:
        pressed, value = ctx.triggered_id, ctx.triggered[0]["value"]
        if not isinstance(pressed, dict) or not value or not _change(who, pressed, value):
            raise PreventUpdate
        return (tick or 0) + 1


def _change(who: Who, pressed: dict[str, Any], value: Any) -> bool:
    """Whether something had to be changed."""
    if pressed["type"] == "revoke":
        accounts.end_key(who, pressed["id"])
        notify("Revoked", "The key stops working within two seconds.")
        return True
    number = pressed.get("user", pressed.get("id"))
    person = next((row for row in accounts.people(who) if row["id"] == number), None)
    if person is None or (pressed["type"] == "role" and person["role"] == value):
        return False
    if pressed["type"] == "role":
        accounts.set_role(who, person["id"], value)
        notify("Changed", f"{person['email']} is {value} from now on.")
    else:
        disabled = person["disabled_at"] is None
        accounts.set_disabled(who, person["id"], disabled=disabled)
        notify("Changed", f"{person['email']} {'cannot sign in any more' if disabled else 'can sign in again'}.")
    return True


ACCOUNTS = Page(
    path="/accounts",
    title="Accounts",
    group="Service",
    icon="accounts",
    sections=(
        Section("people", "People", people),
        Section("keys", "Keys of systems", keys),
        Section(
            "trouble", "Signs of trouble", trouble, explain="One line for each kind, key or login, address and hour"
        ),
        Section(
            "trail", "Audit trail", trail, explain="Every entry is sealed with the one before: winback audit verify"
        ),
    ),
    needs="admin",
    filters=(),
    head=head,
    register=register,
)
