"""How quick pages are over the rollups of 100 million decisions: 20 campaigns, 180 days, 12 arms, 20 segments.

    python -m benchmarks.dashboard_speed [--quick]

The tiers are written directly: totals and arm cells, all finished days, and hours: of all 180 days of the campaign
whose pages are opened, and of the last two days of the others, of which no page reads more. The dashboard runs in a
process of its own on one core; Chromium on the other opens every page and measures each callback's answer, the first
load with an empty cache, and the way from a changed filter to settled pixels. Aims: callbacks 300 ms at the 95th
percentile, first load 2 s, filter change 500 ms.
"""

import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, Request, Response, sync_playwright
from sqlalchemy import Connection, Engine
from sqlalchemy import insert as add
from sqlmodel import SQLModel

import migrations
from benchmarks.readout_speed import World, cells, write
from dashboard.pages import PAGES
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Experiment
from experiments.model.tables.trends import EVERYONE, DailyProgress, DailyRollup
from experiments.model.tables.workers import HourlyRollup
from experiments.model.times import DAY, now
from experiments.services.access.granting_users import create_user
from experiments.settings import Settings
from experiments.store.core.bulk import insert_rows
from experiments.store.core.engine import engine_for, transaction
from experiments.store.rollups.hour_totals import sum_hours_anew
from experiments.store.rollups.tiers import metric_places

LOGIN, PASSWORD = "bench@example.com", "correct horse battery"
CAMPAIGNS, DAYS, OPEN_DAYS = 20, 180, 2
DECISIONS = 5_000_000
METRICS = ("#decisions", "reengagement", "conversion", "revenue", "reward_cost", "contact_cost", "net_value")
VALUES = ((1.0, 1.0), (0.11, 1.0), (0.04, 1.0), (0.04, 42.0), (0.11, 1.0), (1.0, 0.01), (1.0, 0.4))
"""Of each metric the chance that it is not zero, and what it is then."""

SHOWN = 1
"""The campaign whose pages are opened. Of the others no page reads hours before the last two days."""

CALLBACK = "/_dash-update-component"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
Row = tuple[object, ...]


def write_time(engine: Engine, number: int, rng: np.random.Generator) -> int:
    """All tiers of time of one campaign; how many rows."""
    today, places = now() // DAY, list(cells())
    names = [place[:4] for place in places]
    shares = np.array([place[4] for place in places]) * DECISIONS / DAYS / 24
    rows = 0
    with transaction(engine) as session:
        connection = session.connection()
        for day in range(today - DAYS, today):
            n = rng.poisson(shares, (24, len(places)))
            rounds = np.stack([rng.binomial(n, chance) for chance, _ in VALUES], axis=2)
            if day < today - OPEN_DAYS:
                rows += insert(connection, DailyRollup, daily(number, day, names, rounds.sum(axis=0)))
            if number == SHOWN or day >= today - OPEN_DAYS:
                rows += insert(connection, HourlyRollup, hourly(number, day, names, rounds))
        sum_hours_anew(connection, number, metric_places(connection, number))
        connection.execute(add(DailyProgress), [{"experiment_id": number, "through": today - OPEN_DAYS}])
        experiment = session.get_one(Experiment, number)
        experiment.started_at = (today - DAYS) * DAY
        session.add(experiment)
    return rows


def hourly(number: int, day: int, names: list[Row], rounds: np.ndarray) -> list[Row]:
    """Rows of rollup_hourly of a day; `rounds` by hour, cell and metric."""
    found = []
    for hour, cell, metric in np.argwhere(rounds).tolist():
        variant, arm, segment, voided = names[cell]
        count = int(rounds[hour, cell, metric])
        total = count * VALUES[metric][1]
        found.append((number, 24 * day + hour, 1, variant, arm, segment, voided, METRICS[metric], count, total))
    return found


def daily(number: int, day: int, names: list[Row], rounds: np.ndarray) -> list[Row]:
    """Rows of rollup_daily of a day, of each segment and of all; `rounds` by cell and metric."""
    sums: defaultdict[Row, int] = defaultdict(int)
    for cell, metric in np.argwhere(rounds).tolist():
        variant, arm, segment, voided = names[cell]
        for part in (segment, EVERYONE):
            sums[part, day, variant, arm, voided, metric] += int(rounds[cell, metric])
    return [
        (number, *key, METRICS[metric], count, count * VALUES[metric][1])
        for (*key, metric), count in sorted(sums.items())
    ]


def insert(connection: Connection, table: type[SQLModel], rows: list[Row]) -> int:
    """Append rows of all columns in order; how many."""
    names = tuple(column.name for column in table.__table__.columns)
    insert_rows(connection, table.__table__, names, sorted(rows))
    return len(rows)


def fill(settings: Settings, campaigns: int) -> int:
    """All campaigns; rows of the tiers of time."""
    migrations.upgrade(settings.database_url)
    engine = engine_for(settings)
    create_user(engine, SYSTEM, LOGIN, PASSWORD, "admin", own=True)
    rows = 0
    for number in range(1, campaigns + 1):
        rng = np.random.default_rng(number)
        write(engine, World(f"campaign-{number}", number, DECISIONS, 0), rng)
        rows += write_time(engine, number, rng)
    engine.dispose()
    return rows


class Watch:
    """Callbacks of the pages that are opened: milliseconds from request to answer, and bytes shipped."""

    def __init__(self, page: Page) -> None:
        page.set_default_timeout(60_000)
        page.add_init_script(CHANGES)
        self.page = page
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.shipped: defaultdict[str, int] = defaultdict(int)
        self.at = ""
        self.open = 0
        page.on("request", self._sent)
        page.on("requestfinished", self._finished)
        page.on("requestfailed", self._failed)

    def _sent(self, request: Request) -> None:
        self.open += CALLBACK in request.url

    def _failed(self, request: Request) -> None:
        self.open -= CALLBACK in request.url

    def _finished(self, request: Request) -> None:
        response: Response | None = request.response()
        if response is not None:
            self.shipped[self.at] += request.sizes()["responseBodySize"]
        if CALLBACK in request.url:
            self.open -= 1
            self.took[self.at].append(request.timing["responseEnd"] - request.timing["requestStart"])


CHANGES = """
new MutationObserver((found) => {
    const shown = ({attributeName, target}) => attributeName !== "data-dash-is-loading"
        && !(attributeName === "class" && target.matches(".js-plotly-plot"));
    if (found.some(shown)) window.drawn = performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
"""
"""When the page was last changed. Dash's marks of what is under way, and of figures it measures, change no pixel."""

WHOLE = """(calm) => document.querySelector("[data-page]") && performance.now() - window.drawn > calm
    && !document.querySelector(".mantine-Skeleton-root")
    && [...document.querySelectorAll(".figure")].every((one) => one.querySelector(".main-svg"))"""
"""No placeholder is left, every figure is drawn, and nothing has changed for so many milliseconds."""

CALM = 600


def settled(watch: "Watch") -> float:
    """Wait until the page is whole and nothing is under way; seconds from its opening to its last change."""
    page = watch.page
    while watch.open or not page.evaluate(WHOLE, CALM):
        page.wait_for_timeout(20)
    return float(page.evaluate("window.drawn")) / 1000


def sign_in(watch: Watch, url: str) -> None:
    """With the one login there is."""
    page = watch.page
    page.goto(f"{url}/sign-in")
    page.fill("#email", LOGIN)
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.click("button")
    settled(watch)


def measure(url: str, repeats: int) -> None:
    """Open every page several times and print what it took."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        watch = Watch(page)
        sign_in(watch, url)
        loads: defaultdict[str, list[float]] = defaultdict(list)
        for key, one in list(PAGES.items()) * repeats:
            watch.at = key
            page.goto(f"{url}{one.path}?campaign=campaign-1")
            loads[key].append(settled(watch))
        print("| page | callbacks | median ms | 95th percentile ms | slowest ms | load s | kB shipped |")
        print("|---|---|---|---|---|---|---|")
        for key in PAGES:
            took = np.array(watch.took[key])
            print(
                f"| {key} | {len(took) // repeats} | {np.median(took):.0f} | {np.percentile(took, 95):.0f} | "
                f"{took.max():.0f} | {np.median(loads[key]):.2f} | {watch.shipped[key] / repeats / 1e3:,.0f} |"
            )
        every = np.concatenate([np.array(took) for took in watch.took.values()])
        print(f"\nAll callbacks: 95th percentile {np.percentile(every, 95):.0f} ms of {len(every)}.")
        print(f"First load, empty cache: {first_load(browser, page, url):.2f} s.")
        print(f"Filter to settled pixels, campaign page: {filter_change(watch, url):.2f} s.")
        browser.close()


def first_load(browser: Browser, page: Page, url: str) -> float:
    """Seconds to the settled portfolio for somebody signed in whose browser has nothing cached; median of three."""
    took = []
    for _ in range(3):
        fresh = browser.new_context(storage_state=page.context.storage_state())
        watch = Watch(fresh.new_page())
        watch.page.goto(f"{url}/")
        took.append(settled(watch))
        fresh.close()
    return float(np.median(took))


def filter_change(watch: Watch, url: str) -> float:
    """Seconds from choosing another period to the last change of the page; median of five."""
    page, took = watch.page, []
    page.goto(f"{url}/campaign?campaign=campaign-1")
    settled(watch)
    for label in ("Last 30 days", "Last 90 days", "Last 7 days", "Last 90 days", "Whole time"):
        page.click("#period")
        option = page.get_by_role("option", name=label)
        option.wait_for()
        page.wait_for_timeout(CALM)
        chosen = page.evaluate("performance.now()") / 1000
        option.click()
        page.wait_for_timeout(CALM)
        took.append(settled(watch) - chosen)
    return float(np.median(took))


def main() -> None:
    """Write, serve, open, print."""
    quick = "--quick" in sys.argv
    port = 18_450
    with TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'winback.db'}"
        campaigns = 3 if quick else CAMPAIGNS
        rows = fill(Settings(database_url=database, _env_file=None), campaigns)
        print(f"{campaigns} campaigns of {DECISIONS:,} decisions: {rows:,} rows of days and hours\n")
        environment = {**os.environ, "WINBACK_DATABASE_URL": database, "WINBACK_DASHBOARD_PORT": str(port)}
        server = subprocess.Popen([sys.executable, "-m", "cli", "dashboard"], env=environment)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(server.pid, cores[:1])
        os.sched_setaffinity(0, cores[1:] or cores)
        try:
            wait(f"http://127.0.0.1:{port}/healthz")
            measure(f"http://127.0.0.1:{port}", 1 if quick else 5)
        finally:
            server.terminate()
            server.wait(10)


def wait(url: str) -> None:
    """Until the dashboard answers; at most a minute."""
    for _ in range(240):
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            time.sleep(0.25)
        else:
            return
    raise TimeoutError(url)


if __name__ == "__main__":
    main()
