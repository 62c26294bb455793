"""Headers of every answer, and what is believed of a proxy. What a browser makes of them: browser/test_behind_tls.py"""

import base64
import hashlib
import re

import pytest

from dashboard.app import create_dashboard
from dashboard.cookies import COOKIE, DEVICE
from experiments.forwarding import client_of, parse_networks
from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_users import create_user
from experiments.settings import Settings

GIVEN = {"email": "viewer@example.com", "password": "correct horse battery"}
PROXIES = parse_networks("192.0.2.10, 10.0.0.0/8, 2001:db8::/64")


@pytest.fixture
def behind_a_proxy(settings, engine):
    """The dashboard that believes 10.0.0.1 and its network."""
    create_user(engine, SYSTEM, GIVEN["email"], GIVEN["password"], "viewer", own=True)
    app = create_dashboard(settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"}), engine)
    yield app.server.test_client()
    app.server.extensions["foresight"].close()


@pytest.fixture
def browser(app, engine):
    create_user(engine, SYSTEM, GIVEN["email"], GIVEN["password"], "viewer", own=True)
    client = app.server.test_client()
    client.post("/sign-in", data=GIVEN)
    return client


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("192.0.2.10", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.10", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("192.0.2.10", "1.2.3.4, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("192.0.2.10", "203.0.113.9:4711", "203.0.113.9"),
        ("192.0.2.10", "[2001:db8:1::5]:4711", "2001:db8:1::5"),
        ("::ffff:192.0.2.10", "203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8:1::5", "2001:db8:1::5"),
        ("192.0.2.10", "", "192.0.2.10"),
        ("192.0.2.10", "unknown", "192.0.2.10"),
        ("192.0.2.10", "1.2.3.4, nonsense, 10.1.1.1", "10.1.1.1"),
        ("192.0.2.10", "10.2.2.2, 10.1.1.1", "10.2.2.2"),
    ],
)
def test_the_client_is_the_nearest_address_that_no_stated_proxy_has(peer, told, client):
    assert client_of(peer, told, PROXIES) == client


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example", "10.0.0.1/8"])
def test_what_is_no_network_is_refused_at_the_start(text):
    with pytest.raises(ValueError, match="trusted_proxies"):
        Settings(trusted_proxies=text, _env_file=None)


def sign_in(client, peer, **headers):
    return client.post("/sign-in", data=GIVEN, headers=headers, environ_base={"REMOTE_ADDR": peer})


def test_behind_tls_cookies_are_secure_and_the_browser_is_told_to_stay_there(behind_a_proxy):
    answer = sign_in(behind_a_proxy, "10.0.0.1", X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.9")
    kept = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in kept} == {COOKIE, DEVICE}
    assert all("Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in kept)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("peer", ["198.51.100.7", "10.0.0.1"])
def test_without_tls_neither_is_and_strangers_cannot_claim_it(behind_a_proxy, peer):
    told = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "evil.example"} if peer != "10.0.0.1" else {}
    answer = sign_in(behind_a_proxy, peer, **told)
    assert answer.status_code == 303
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in answer.headers


def test_the_origin_is_compared_with_the_host_that_the_browser_knows(behind_a_proxy):
    told = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "winback.example", "Origin": "https://winback.example"}
    assert sign_in(behind_a_proxy, "10.0.0.1", **told).status_code == 303
    assert sign_in(behind_a_proxy, "198.51.100.7", **told).status_code == 403


def guesses(client, peer, forged):
    """Statuses of guesses that each claim to come from another address."""
    wrong = {**GIVEN, "password": "a wrong password"}
    told = [f"203.0.113.{number}{', 198.51.100.66' if forged else ''}" for number in range(7)]
    here = {"data": wrong, "environ_base": {"REMOTE_ADDR": peer}}
    return [client.post("/sign-in", headers={"X-Forwarded-For": each}, **here).status_code for each in told]


@pytest.mark.parametrize(("peer", "forged"), [("198.51.100.66", False), ("10.0.0.1", True)])
def test_a_forged_address_helps_no_guessing(behind_a_proxy, peer, forged):
    assert guesses(behind_a_proxy, peer, forged) == [401] * 5 + [429] * 2


def test_clients_of_a_proxy_are_counted_each(behind_a_proxy):
    assert guesses(behind_a_proxy, "10.0.0.1", False) == [401] * 7


@pytest.mark.parametrize("path", ["/", "/account", "/sign-in", "/_dash-layout", "/nowhere", "/healthz"])
def test_what_people_see_is_not_kept_nor_framed_nor_guessed_at(browser, path):
    headers = browser.get(path).headers
    policy = directives(headers)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert policy["frame-ancestors"] == policy["default-src"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"


def directives(headers):
    parts = (part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    return dict(parts)


def test_scripts_come_from_here_and_inline_ones_are_known_by_hash(browser):
    answer = browser.get("/")
    allowed = directives(answer.headers)["script-src"]
    inline = re.findall(r"<script>(.*?)</script>", answer.get_data(as_text=True), re.DOTALL)
    assert len(inline) > 2
    for script in inline:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in allowed
    assert "unsafe" not in allowed and "http" not in allowed and "data:" not in allowed


def test_pages_without_scripts_allow_none(browser):
    policy = directives(browser.get("/sign-in").headers)
    assert "script-src" not in policy and "unsafe" not in str(policy)


def test_files_that_never_change_are_kept_all_the_same(browser):
    page = browser.get("/").get_data(as_text=True)
    script = re.search(r'src="(/_dash-component-suites/[^"]+)"', page)[1]
    with browser.get(script) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
