"""A whole Winback in this process: API behind a socket, worker, dashboard, one SQLite; and people to play with it."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from playwright.sync_api import Locator, Page

from api.app import create_app
from api.serving import guarded
from experiments.jobs.worker import run_worker
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.settings import Settings
from experiments.store.core.engine import engine_for
from tests.dashboard.browser.conftest import Site, run_site

TASTES = {"sporty": "quest-5", "thrifty": "discount-5", "sociable": "bogo-5"}
"""Kind of people → the only offer that brings them back."""

LIKED, UNMOVED = 0.9, 0.35


@dataclass
class Whole:
    """A service that runs: its API, and its dashboard."""

    api: httpx.Client
    site: Site
    rng: random.Random = field(default_factory=lambda: random.Random(3))
    asked: int = 0

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's document; an answer that is none fails the test."""
        answer = self.api.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def traffic(self, key: str, people: int) -> list[dict[str, Any]]:
        """So many new people are asked for, and do what people of their taste do; the decisions."""
        kinds = [self.rng.choice(list(TASTES)) for _ in range(people)]
        rows = [
            {"unit_id": f"u{self.asked + place}", "context": {"taste": taste, "days_inactive": 40}}
            for place, taste in enumerate(kinds)
        ]
        self.asked += people
        made = self.call("POST", f"/v1/experiments/{key}/assignments/batch", {"assignments": rows})["results"]
        outcomes = [
            {"event_id": f"{one['decision_id']}/s", "decision_id": one["decision_id"], "kind": "session",
             "occurred_at": one["decided_at"]}
            for taste, one in zip(kinds, made, strict=True)
            if self.rng.random() < (LIKED if one["arm"] == TASTES[taste] else UNMOVED)
        ]  # fmt: skip
        if outcomes:
            self.call("POST", "/v1/outcomes", outcomes)
        return list(made)

    def settled(self, key: str) -> bool:
        """Everything that has matured is learned, and decisions use it."""
        status = self.call("GET", f"/v1/experiments/{key}/learning")
        in_use = all(one["loaded_snapshot_id"] == one["snapshot_id"] for one in status["learners"])
        return bool(status["settled"]) and in_use

    def matured(self, key: str) -> int:
        """How many decisions count by now."""
        return int(self.call("GET", f"/v1/experiments/{key}/results")["counts"]["matured"])


def until(met: Any, seconds: float = 30.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come true")
        time.sleep(0.1)


@contextmanager
def whole(settings: Settings) -> Iterator[Whole]:
    """Run all of it over a migrated database."""
    engine = engine_for(settings)
    key = create_key(engine, SYSTEM, "tests", SCOPES).key
    quiet = {"log_config": None, "timeout_graceful_shutdown": 2}
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, **quiet, **guarded(settings)))
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.run, daemon=True),
        threading.Thread(target=run_worker, args=(settings, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    until(lambda: server.started)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as api:
        sites = run_site(settings)
        yield Whole(api, next(sites))
        next(sites, None)
    stop.set()
    server.should_exit = True
    for thread in threads:
        thread.join(20)
    engine.dispose()


class Clicks:
    """Clicks of somebody who was told a task, counted; nothing is typed."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, what: Locator) -> None:
        """One click."""
        what.click()
        self.count += 1

    def choose(self, label: str, option: str) -> None:
        """Two clicks: open the list, take from it."""
        self.click(self.page.get_by_role("textbox", name=label).first)
        self.click(self.page.get_by_role("option", name=option).first)
