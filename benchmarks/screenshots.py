"""Pictures of every page, light and dark, 1440 and 390 pixels wide: `make screenshots`, or

    python -m benchmarks.screenshots [--readme] [--keep DATABASE] [--only NAME ...] [--hillstrom FILE] [--rows N]

What is shown are five weeks of two campaigns and a global holdout (benchmarks.campaign_weeks), a replay of one of them,
and the first rows of Hillstrom's e-mail challenge driven through the same API, where that file is there. With `--keep`
the database is written once and read again.
"""

import argparse
import gzip
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright
from waitress import create_server

import migrations
from benchmarks.campaign_weeks import SPRING, SUMMER, play
from cli.running.ports import free_port, wait_ready
from dashboard.app import create_dashboard
from dashboard.pages import PAGES
from experiments.jobs import JOBS, WorkerContext
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.services.access.granting_users import create_user
from experiments.services.configuring import set_global_holdout
from experiments.services.opening import open_service
from experiments.services.replaying import ReplayRequest, request_replay
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from experiments.views.decisions import Chosen, decisions
from experiments.views.experiments import experiments
from experiments.views.paging import Wanted
from experiments.views.replays import replay
from experiments.views.units.profiles import global_holdout

LOGIN, PASSWORD = "director@example.com", "correct horse battery"
UNTIL = "async () => { while (!(%s)) await new Promise((done) => setTimeout(done, 40)); }"
"""Playwright's own way to wait for an expression evaluates texts, which the pages forbid."""
SPEC = Path(__file__).parents[1] / "docs/examples/hillstrom.toml"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1440, 390)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
REPLAY_SECONDS = 120
README = Path(__file__).parents[1] / "docs/images"
README_PAGES = {
    "portfolio": "/",
    "campaign": f"/campaign?campaign={SPRING}",
    "designer": "/designer?new=1&template=two-rewards",
}


def fill(settings: Settings, log: Path | None, rows: int) -> None:
    """Everything that the pictures show."""
    migrations.upgrade(settings.database_url)
    say("five weeks of two campaigns ...")
    play(settings)
    engine = engine_for(settings)
    create_user(engine, SYSTEM, LOGIN, PASSWORD, "admin", own=True)
    key = create_key(engine, SYSTEM, "pictures", SCOPES).key
    number = request_replay(engine, SYSTEM, SPRING, ReplayRequest())
    worker = WorkerContext(settings)
    deadline = time.monotonic() + REPLAY_SECONDS
    while replay(engine, SYSTEM, number)["status"] in ("queued", "running") and time.monotonic() < deadline:
        JOBS["replay"].run(worker)
        time.sleep(0.2)
    worker.close()
    engine.dispose()
    if log is None:
        say("without Hillstrom: there is no such file")
        return
    # A row of the log is driven as it was logged; people whom no campaign may reach would be missing.
    with without_holdout(settings):
        drive(settings, key, log, rows)


@contextmanager
def without_holdout(settings: Settings) -> Iterator[None]:
    """The global holdout is empty while the block runs."""
    service = open_service(settings)
    share = global_holdout(service.engine, SYSTEM)["share"]
    set_global_holdout(service.engine, SYSTEM, 0.0)
    yield
    set_global_holdout(service.engine, SYSTEM, share)
    service.engine.dispose()


def drive(settings: Settings, key: str, log: Path, rows: int) -> None:
    """The first rows of the log through the API and a worker, in processes of their own."""
    say(f"{rows:,} rows of {log.name} through the API ...")
    port = free_port()
    environment = {**os.environ, "WINBACK_DATABASE_URL": settings.database_url, "WINBACK_API_PORT": str(port)}
    environment |= {"WINBACK_KEY": key, "WINBACK_DATABASE_TIMEOUT": "10"}
    environment |= {"WINBACK_WORKER_INTERVAL": "0.05", "WINBACK_SNAPSHOT_POLL": "0.05"}
    servers = [subprocess.Popen([sys.executable, "-m", "cli", name], env=environment) for name in ("api", "worker")]
    url = f"http://127.0.0.1:{port}"
    try:
        if not wait_ready(url, 120, lambda: all(server.poll() is None for server in servers)):
            raise RuntimeError("the API did not start")
        with TemporaryDirectory() as folder:
            short = Path(folder) / "hillstrom.csv"
            with gzip.open(log, "rt") as lines, short.open("w") as kept:
                kept.writelines(itertools.islice(lines, rows + 1))
            command = [sys.executable, "-m", "cli", "drive", str(short), "--spec", str(SPEC), "--url", url]
            subprocess.run(command, env=environment, check=True)
    finally:
        for server in servers:
            server.terminate()
            server.wait(20)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The dashboard's address while the block runs."""
    server = create_server(create_dashboard(settings).server, host="127.0.0.1", port=0, threads=6)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


def addresses(settings: Settings) -> dict[str, str]:
    """Name of a picture → address: every page with each campaign, the inspector with a decision chosen."""
    engine = engine_for(settings)
    heads = [head["key"] for head in experiments(engine, SYSTEM, Wanted(limit=10))["items"]]
    newest = decisions(engine, SYSTEM, SPRING, Wanted(limit=200), Chosen(None))["items"]
    chosen = next((one["decision_id"] for one in newest if one["variant"] == "bandit"), "")
    engine.dispose()
    short = {SPRING: "", SUMMER: "-summer"}
    found = {}
    for key, page in PAGES.items():
        for head in heads if "campaign" in page.filters else [SPRING]:
            name = f"{key}{short.get(head, '-hillstrom')}"
            found[name] = f"{page.path}?campaign={head}"
    found["inspector"] += f"&decision={chosen}"
    return found


def shoot(browser: Browser, url: str, pages: dict[str, str], folder: Path) -> None:
    """Every page in every scheme and width, from top to bottom."""
    for scheme, width in itertools.product(SCHEMES, WIDTHS):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{url}/sign-in")
        page.screenshot(path=folder / f"sign-in-{scheme}-{width}.png")
        sign_in(page, url)
        for name, path in pages.items():
            page.goto(url + path)
            settled(page)
            page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
        context.close()


def shoot_readme(browser: Browser, url: str) -> None:
    """The three pictures of the README: what a window shows first."""
    README.mkdir(parents=True, exist_ok=True)
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.set_default_timeout(60_000)
    sign_in(page, url)
    for name, path in README_PAGES.items():
        page.goto(url + path)
        settled(page)
        page.screenshot(path=README / f"{name}.png")
    page.context.close()


def sign_in(page: Page, url: str) -> None:
    """As the director."""
    page.goto(f"{url}/sign-in")
    page.fill("#email", LOGIN)
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.click("button")


def settled(page: Page) -> None:
    """No placeholder is left, nothing is under way, figures have their size."""
    page.wait_for_selector("[data-page]")
    page.evaluate(UNTIL % "!document.querySelector('.mantine-Skeleton-root')")
    page.wait_for_load_state("networkidle")
    page.evaluate(UNTIL % "[...document.querySelectorAll('.figure')].every(one => one.querySelector('.main-svg'))")
    page.wait_for_timeout(300)


def say(line: str) -> None:
    """To whoever waits."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Fill, serve, shoot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hillstrom", type=Path, default=Path("../shared/data/hillstrom.csv.gz"))
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--folder", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--readme", action="store_true", help="only the README's, into docs/images")
    parser.add_argument("--keep", type=Path, help="a database to write once and read again")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        database = given.keep or Path(temporary) / "winback.db"
        settings = Settings(
            database_url=f"sqlite:///{database.resolve()}", snapshot_poll=0.02, database_timeout=10, _env_file=None
        )
        if not database.exists():
            fill(settings, given.hillstrom if given.hillstrom.is_file() else None, given.rows)
        with serving(settings) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            if given.readme:
                shoot_readme(browser, url)
                return
            pages = {name: path for name, path in addresses(settings).items() if not given.only or name in given.only}
            shoot(browser, url, pages, given.folder)
            browser.close()
    say(f"{len(pages) * len(SCHEMES) * len(WIDTHS)} pictures in {given.folder}")


if __name__ == "__main__":
    main()
