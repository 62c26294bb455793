"""The own account: everybody changes the own password, and whose is known to somebody else does so first."""

import pytest

from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_users import create_user

EMAIL, GIVEN, OWN = "viewer@example.com", "correct horse battery", "purple anvil kettle moss"


@pytest.fixture
def browse(app):
    """Another browser, in which somebody signs in."""

    def signed_in(password):
        client = app.server.test_client()
        answer = client.post("/sign-in", data={"email": EMAIL, "password": password})
        assert answer.status_code == 303
        return client

    return signed_in


def change(client, current, wanted, again=None):
    return client.post("/account", data={"current": current, "wanted": wanted, "again": again or wanted})


def test_a_password_that_was_given_is_changed_before_anything_else(engine, browse):
    create_user(engine, SYSTEM, EMAIL, GIVEN, "viewer")
    client = browse(GIVEN)
    for path in ("/", "/campaign", "/assets/winback.css"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert client.get("/_dash-layout").status_code == 403
    assert b"Choose a password" in client.get("/account").data
    assert change(client, GIVEN, OWN).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert b"Your account" in client.get("/account").data


def test_other_browsers_are_signed_out_and_this_one_is_not(engine, browse):
    create_user(engine, SYSTEM, EMAIL, GIVEN, "viewer", own=True)
    here, thief = browse(GIVEN), browse(GIVEN)
    before = here.get_cookie("winback_sign_in").value
    assert change(here, GIVEN, OWN).status_code == 303
    assert here.get_cookie("winback_sign_in").value != before
    assert here.get("/").status_code == 200
    assert thief.get("/").status_code == 303
    thief.set_cookie("winback_sign_in", before)
    assert thief.get("/").status_code == 303


@pytest.mark.parametrize(
    ("current", "wanted", "again", "answered"),
    [
        ("wrong password here", OWN, OWN, (403, b"current password is wrong")),
        (GIVEN, OWN, OWN + "!", (422, b"not the same")),
        (GIVEN, "aaaaaaaaaaaa", "aaaaaaaaaaaa", (422, b"easy to guess")),
        (GIVEN, "viewer@example.com", "viewer@example.com", (422, b"easy to guess")),
        (GIVEN, "short", "short", (422, b"12 to 1,024 characters")),
        (GIVEN, GIVEN, GIVEN, (422, b"choose another")),
    ],
)
def test_what_does_not_fit_is_told_and_changes_nothing(engine, browse, current, wanted, again, answered):
    create_user(engine, SYSTEM, EMAIL, GIVEN, "viewer", own=True)
    answer = change(browse(GIVEN), current, wanted, again)
    assert answer.status_code == answered[0] and answered[1] in answer.data
    browse(GIVEN)


def test_a_stolen_sign_in_cannot_guess_the_password(engine, browse):
    create_user(engine, SYSTEM, EMAIL, GIVEN, "viewer", own=True)
    client = browse(GIVEN)
    answers = [change(client, f"guess number {number}", OWN) for number in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_changes_nothing_and_signs_nobody_out(engine, browse, headers):
    create_user(engine, SYSTEM, EMAIL, GIVEN, "viewer", own=True)
    client = browse(GIVEN)
    form = {"current": GIVEN, "wanted": OWN, "again": OWN}
    assert client.post("/account", data=form, headers=headers).status_code == 403
    assert client.get("/sign-out", headers=headers).status_code == 403
    assert client.get("/").status_code == 200
