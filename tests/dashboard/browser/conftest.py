"""A real browser before a running dashboard."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dashboard.app import create_dashboard
from dashboard.cookies import COOKIE
from dashboard.serving import Server
from experiments.model.access.principal import ROLES, SYSTEM
from experiments.services.access.granting_users import create_user
from experiments.services.access.limiting_guesses import Origin
from experiments.services.access.signing_in import SignIns
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

CHROMIUM = os.environ.get("WINBACK_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "correct horse battery"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


IDLE = """async () => {
    for (let calm = 0; calm < 3; calm += 1) {
        await window.winbackIdle();
        await new Promise((done) => setTimeout(done, 40));
        if (document.querySelector(".mantine-Skeleton-root")) calm = -1;
        if ([...document.querySelectorAll(".figure")].some((one) => !one.querySelector(".main-svg"))) calm = -1;
    }
}"""
"""Nothing under way for a while, no placeholder left, every figure drawn."""

CALM = """async () => {
    while (document.getAnimations().some((one) => one.playState === "running"))
        await new Promise((done) => setTimeout(done, 40));
}"""
"""No animation runs. Playwright's own way to wait for an expression evaluates texts, which the pages forbid."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all of it: a browser that has read Dash's and Plotly's scripts once is quick from then on."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass
class Windows:
    """A browser. Windows of one person share what is cached and the sign-in."""

    browser: Browser
    known: dict[tuple[str, str], BrowserContext] = field(default_factory=dict)

    def open(self, site: "Site", role: str) -> Page:
        """Another window of this person, who is signed in at the site."""
        context = self.known.get((site.url, role))
        if context is None:
            context = self.browser.new_context(accept_downloads=True)
            context.add_cookies([{"name": COOKIE, "value": site.token(role), "url": site.url}])
            self.known[site.url, role] = context
        return context.new_page()


@pytest.fixture(scope="module")
def browser() -> Iterator[Windows]:
    """Headless Chromium. No longer than a module: while Playwright is open, its event loop counts as running in this
    thread, and tests that come after could start none."""
    if CHROMIUM is None:
        reason = "no Chromium on the PATH (Debian: apt-get install chromium), and WINBACK_TEST_CHROMIUM names none"
        if os.environ.get("WINBACK_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Windows(browser)
        browser.close()


@dataclass
class Visitor:
    """Somebody signed in, in a browser window of their own; `faults` is what its console complained of."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go there and wait until everything is drawn."""
        self.page.goto(self.url + path)
        self.settled()
        return self.page

    def settled(self) -> None:
        """Wait until a page is there, no placeholder is left and nothing is being loaded."""
        self.page.wait_for_selector("[data-page]")
        self.page.evaluate(IDLE)

    def darken(self) -> None:
        """The system turns dark; wait until every colour has."""
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        self.page.wait_for_selector("[data-mantine-color-scheme=dark]")
        self.page.evaluate(CALM)

    def serious(self, *rules: str) -> dict[str, list[str]]:
        """What axe finds that shuts somebody out: rule → where. Only these rules, where some are named."""
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        return {
            fault["id"]: [node["html"][:200] for node in fault["nodes"]]
            for fault in Axe().run(self.page, options=options).response["violations"]
            if fault["impact"] in ("serious", "critical")
        }


@dataclass(frozen=True)
class Site:
    """A dashboard that runs, with a person of every role."""

    url: str
    settings: Settings
    people: SignIns

    def token(self, role: str) -> str:
        """What the browser of somebody signed in keeps."""
        return self.people.sign_in(f"{role}@example.com", PASSWORD, Origin("127.0.0.1")).token

    def visit(self, windows: Windows, role: str = "admin", scheme: str = "light", width: int = 1440) -> Visitor:
        """A new window of somebody who has signed in."""
        page = windows.open(self, role)
        page.set_default_timeout(30_000)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a name that Playwright knows
        visitor = Visitor(page, self.url)
        page.on("console", lambda told: visitor.faults.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: visitor.faults.append(str(error)))
        return visitor


def run_site(settings: Settings) -> Iterator[Site]:
    """Serve the dashboard over a migrated database on a free port of the loopback."""
    engine = engine_for(settings)
    for role in ROLES:
        create_user(engine, SYSTEM, f"{role}@example.com", PASSWORD, role, own=True)
    app = create_dashboard(settings, engine)
    server = Server(app.server, socket.create_server(("127.0.0.1", 0)), settings.proxies)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.effective_port}", settings, SignIns(engine))
    server.close()
    thread.join(0.5)  # a browser's open connections would keep it
    server.task_dispatcher.shutdown()
    app.server.extensions["foresight"].close()
    engine.dispose()


@pytest.fixture(scope="session")
def site(filled_copy: str) -> Iterator[Site]:
    """A dashboard over many decisions; shared, so that tests only read it."""
    yield from run_site(Settings(database_url=filled_copy, _env_file=None))
