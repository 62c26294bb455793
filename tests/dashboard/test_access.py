"""Law 11 in the dashboard: every callback says what it needs, and nothing is served to whom nobody knows."""

import pytest

from dashboard.cookies import COOKIE, DEVICE
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_users import UserChange, change_user, create_user
from experiments.services.access.watching import security_events

PASSWORD = "correct horse battery"


@pytest.fixture
def browser(app, engine):
    create_user(engine, SYSTEM, "viewer@example.com", PASSWORD, "viewer", own=True)
    return app.server.test_client()


def test_every_callback_says_what_it_needs(app):
    served = {name: entry for name, entry in app.callback_map.items() if "callback" in entry}
    assert served
    for name, entry in served.items():
        declared = getattr(_innermost(entry["callback"]), "winback_needs", None)
        assert declared in SCOPES, f"the callback of {name} was not registered with Callbacks.on"


def _innermost(function):
    """The function as it was given to Dash, which wraps it; ours carries what it declared."""
    while not hasattr(function, "winback_needs") and hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/campaign",
        "/_dash-layout",
        "/_dash-dependencies",
        "/nowhere",
        "/account",
        "/sign-in-not",
        "/healthz/x",
        "/assets/winback.css",
    ],
)
def test_strangers_get_nothing(browser, path):
    answer = browser.get(path)
    assert answer.status_code in (303, 401)
    assert b"Winback" not in answer.data


def layout(browser, referrer):
    return browser.get("/_dash-layout", headers={"Referer": referrer}).get_data(as_text=True)


def test_the_frame_holds_the_page_that_is_opened_and_none_that_the_role_may_not_see(browser):
    browser.post("/sign-in", data={"email": "viewer@example.com", "password": PASSWORD})
    opened = layout(browser, "http://localhost/campaign?campaign=spring&period=7d")
    assert '"data-page":"campaign"' in opened and "?campaign=spring&period=7d" in opened.replace("\\u0026", "&")
    assert "There is no such page" in layout(browser, "http://localhost/accounts")
    for elsewhere in ("", "https://evil.example/campaign"):
        assert "data-page" not in layout(browser, elsewhere)


def test_signing_in_and_out(browser):
    wrong = browser.post("/sign-in", data={"email": "viewer@example.com", "password": "wrong password"})
    assert wrong.status_code == 401 and b"wrong" in wrong.data
    given = {"email": "viewer@example.com", "password": PASSWORD, "next": "/campaign?campaign=x"}
    answer = browser.post("/sign-in", data=given)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/campaign?campaign=x")
    cookie = answer.headers["Set-Cookie"]
    assert COOKIE in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert browser.get("/").status_code == 200
    browser.get("/sign-out")
    assert browser.get("/").status_code == 303


def test_failed_sign_ins_are_told_of_without_what_was_typed(browser, engine):
    for email in ("viewer@example.com", "my secret password", "viewer@example.com"):
        browser.post("/sign-in", data={"email": email, "password": "wrong password"})
    told = {(each["kind"], each["subject"]): each["count"] for each in security_events(engine, SYSTEM)}
    assert told == {("sign_in_failed", "user:viewer@example.com"): 2, ("sign_in_failed", ""): 1}


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_elsewhere(browser, target):
    answer = browser.post("/sign-in", data={"email": "viewer@example.com", "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/"


def test_another_site_cannot_post(browser):
    given = {"email": "viewer@example.com", "password": PASSWORD}
    assert browser.post("/sign-in", data=given, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_disabled_person_is_out_at_once(engine, browser):
    browser.post("/sign-in", data={"email": "viewer@example.com", "password": PASSWORD})
    assert browser.get("/").status_code == 200
    change_user(engine, SYSTEM, 1, UserChange(disabled=True))
    assert browser.get("/").status_code == 303


def test_guessing_is_answered_with_how_long_to_wait(browser):
    def guess(address):
        given = {"email": "viewer@example.com", "password": "a wrong password"}
        return browser.post("/sign-in", data=given, environ_base={"REMOTE_ADDR": address})

    answers = [guess("198.51.100.7") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 15
    assert b"Try again in" in answers[-1].data
    right = {"email": "viewer@example.com", "password": PASSWORD}
    answer = browser.post("/sign-in", data=right, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    kept = {cookie.partition("=")[0]: cookie for cookie in answer.headers.getlist("Set-Cookie")}
    assert set(kept) == {COOKIE, DEVICE} and all("HttpOnly" in cookie for cookie in kept.values())
