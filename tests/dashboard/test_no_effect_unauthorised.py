"""No callback and no page has an effect for a role that may not: every callback, asked as the browser would ask it."""

import json
from itertools import product

import pytest
from sqlalchemy import text

from dashboard.cookies import COOKIE
from dashboard.pages import PAGES
from experiments.model.access.principal import ROLES, SYSTEM
from experiments.model.tables import SQLModel
from experiments.services.access.granting_keys import create_key
from experiments.services.access.granting_users import create_user
from experiments.store.core.engine import reading
from tests.dashboard.test_access import _innermost

PASSWORD = "correct horse battery"
ASIDE = {"security_events", "guess_marks", "sign_ins", "audit_entries"}
FILLED = {
    "person-email.value": "new@example.com",
    "person-password.value": "battery staple correct",
    "person-role.value": "admin",
    "key-name.value": "crm",
    "key-scopes.value": ["admin"],
    "key-days.value": 5,
    "replace-what.data": {"kind": "rotate", "id": 1},
}
"""What the forms hold, by component and property; everything else holds 1."""


def content(engine):
    found = {}
    with reading(engine) as session:
        for name in sorted(set(SQLModel.metadata.tables) - ASIDE):
            found[name] = sorted(map(repr, session.connection().execute(text(f"SELECT * FROM {name}"))))
    return found


@pytest.fixture
def site(app, engine, settings):
    """Test clients by role; and one that nobody has signed in."""
    for role in ROLES:
        create_user(engine, SYSTEM, f"{role}@example.com", PASSWORD, role, own=True)
    create_key(engine, SYSTEM, "crm", ["read"])
    people = {role: app.server.test_client() for role in ROLES}
    for role, browser in people.items():
        answer = browser.post("/sign-in", data={"email": f"{role}@example.com", "password": PASSWORD})
        assert answer.status_code == 303
    return {**people, "nobody": app.server.test_client()}


def _body(name, entry, triggered):
    """What Dash's renderer sends: the outputs, and a value for each input and state."""
    several = isinstance(entry["output"], list)
    outputs = [] if entry["no_output"] else entry["output"] if several else [entry["output"]]
    told = [_real(each.component_id_str(), {"property": each.component_property}) for each in outputs]
    body = {
        "output": name,
        "outputs": told if several or not told else told[0],
        "inputs": [_given(each) for each in entry["inputs"]],
        "state": [_given(each) for each in entry["state"]],
        "changedPropIds": [triggered] if triggered else [],
    }
    return json.dumps(body)


def _asked(browser, name, entry, triggered):
    body = _body(name, entry, triggered)
    return browser.post("/_dash-update-component", data=body, content_type="application/json")


def _real(declared, more):
    """An id as it stands on a page, and what is said of it; where a pattern means all that fit, a list of one."""
    if not declared.startswith("{"):
        return {"id": declared, **more}
    pattern = json.loads(declared)
    real = {key: 1 if isinstance(value, list) else value for key, value in pattern.items()}
    return [{"id": real, **more}] if ["ALL"] in pattern.values() else {"id": real, **more}


def _given(each):
    address = f"{each['id']}.{each['property']}"
    is_role = each["id"].startswith("{") and json.loads(each["id"]).get("type") == "role"
    value = "admin" if is_role else FILLED.get(address, 1)
    return _real(each["id"], {"property": each["property"], "value": value})


def _triggers(entry):
    for each in entry["inputs"]:
        given = _given(each)
        first = given[0] if isinstance(given, list) else given
        named = (
            first["id"]
            if isinstance(first["id"], str)
            else json.dumps(first["id"], separators=(",", ":"), sort_keys=True)
        )
        yield f"{named}.{each['property']}"


def _served(app):
    return {name: entry for name, entry in app.callback_map.items() if "callback" in entry}


def _may(role, need):
    return role in ROLES and (need in ROLES[role] or "admin" in ROLES[role])


def test_a_callback_has_no_effect_for_who_may_not(app, site, engine):
    walked = 0
    before = content(engine)
    for name, entry in _served(app).items():
        need = _innermost(entry["callback"]).winback_needs
        for who, browser in site.items():
            if _may(who, need):
                continue
            for trigger in _triggers(entry):
                answer = _asked(browser, name, entry, trigger)
                refused = answer.status_code == 401 if who == "nobody" else b"this needs the scope" in answer.data
                assert refused, f"{name} for {who}: {answer.status_code} {answer.data[:200]}"
                walked += 1
            assert content(engine) == before, f"{name} had an effect for {who}"
    assert walked > len(_served(app)), "nobody is refused everywhere, and some roles somewhere"


def test_these_forms_work_for_an_administrator(app, site, engine):
    """The same requests as above."""
    for asked, table in (("key-made", "api_keys"), ("person-email", "users")):
        name, entry = next((name, entry) for name, entry in _served(app).items() if f"..{asked}." in name)
        before = content(engine)
        trigger = next(_triggers(entry))
        answer = _asked(site["admin"], name, entry, trigger)
        assert answer.status_code == 200, answer.data
        assert len(content(engine)[table]) == len(before[table]) + 1


@pytest.mark.parametrize(("kind", "action"), [("rotate", "key.rotate"), ("reset", "user.change")])
def test_a_key_is_rotated_and_a_password_reset_in_the_trail_s_sight(app, site, engine, monkeypatch, kind, action):
    monkeypatch.setitem(FILLED, "replace-what.data", {"kind": kind, "id": 1})
    name, entry = next((name, entry) for name, entry in _served(app).items() if "replace-do" in str(entry["inputs"]))
    before = content(engine)
    answer = _asked(site["admin"], name, entry, next(_triggers(entry)))
    assert answer.status_code == 200 and b"Copy it now" in answer.data
    assert content(engine)["api_keys"] != before["api_keys"] if kind == "rotate" else content(engine) != before
    with reading(engine) as session:
        newest = "SELECT action FROM audit_entries ORDER BY id DESC LIMIT 1"
        assert session.connection().execute(text(newest)).scalar_one() == action


def test_a_page_is_not_shown_to_who_may_not(site, engine):
    before = content(engine)
    for page, (who, browser) in product(PAGES.values(), site.items()):
        answer = browser.get("/_dash-layout", headers={"Referer": f"http://localhost{page.path}"})
        shown = '"data-page":"' in answer.get_data(as_text=True)
        assert shown == _may(who, page.needs), f"{page.path} for {who}"
        assert content(engine) == before


def test_a_token_that_nobody_holds_has_no_effect(app, site, engine):
    before = content(engine)
    name, entry = next((name, entry) for name, entry in _served(app).items() if "..key-made." in name)
    stranger = app.server.test_client()
    stranger.set_cookie(COOKIE, "x" * 43)
    assert _asked(stranger, name, entry, "key-add.n_clicks").status_code == 401
    assert content(engine) == before
