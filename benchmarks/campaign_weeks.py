"""Five weeks of two campaigns, told to the real API under a clock that is set back: pictures need a past.

Simulated people (cli.demo.world) are asked for, come back or do not, and pay; the worker's jobs run between. Nothing is
written beside the API. Every seventh person is in the global holdout. `Spring` learns what to offer to whom;
`Summer vouchers` gives two vouchers by lot, the large one of which costs more than it brings.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from api.app import create_app
from cli.demo.campaign import EVENTS, LARGE, MARKETERS_RULES, SMALL
from cli.demo.world import Person, population
from experiments.jobs import JOBS, WorkerContext
from experiments.model import times
from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.services.access.granting_keys import create_key
from experiments.settings import Settings
from experiments.store.core.engine import engine_for

SPRING, SUMMER = "spring-winback", "summer-vouchers"
STEPS_A_DAY = 4
BETWEEN = ("join", "learn", "pace", "monitor", "portfolio", "days", "count_open")
SEGMENT = "tier"
TIERS = (30, 60, 90, 120)
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Weeks:
    """How much is played. `daily`: people asked about on each day, by campaign."""

    days: int = 35
    daily: dict[str, int] = field(default_factory=lambda: {SPRING: 240, SUMMER: 120})
    summer_from: int = 10
    seed: int = 7


def spring() -> Body:
    """A bandit beside a marketer's rules and a holdout."""
    return {
        "key": SPRING,
        "name": "Spring: bring them back",
        "objective": {"maximise": "net_value", "margin": 0.5},
        "attribution_window": "P3D",
        "grace": "PT1H",
        "decision_window": "P7D",
        "eligible": {">=": [{"var": "days_inactive"}, 30]},
        "context": {
            "numeric": ["days_inactive", "orders", "children", "coupon_share", "matches_played"],
            "categorical": ["country"],
        },
        "segments": {"by": ["tier"]},
        "arms": [_arm(event.replace("_", "-"), event, amount) for event in EVENTS for amount in (SMALL, LARGE)],
        "variants": [
            {"key": "bandit", "share": 0.6, "policy": {"name": "squarecb"}},
            {"key": "rules", "share": 0.2, "policy": {"name": "rules", "params": MARKETERS_RULES}},
            {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
        ],
        "control": "holdout",
        "budget": {"amount": 20_000, "pacing": "none"},
        "time_zone": "Europe/Berlin",
    }


def summer() -> Body:
    """Two vouchers by lot: the large one loses money."""
    return {
        "key": SUMMER,
        "name": "Summer vouchers",
        "objective": {"maximise": "net_value", "margin": 0.5},
        "attribution_window": "P3D",
        "grace": "PT1H",
        "decision_window": "P7D",
        "context": {"numeric": ["days_inactive", "orders"], "categorical": ["country"]},
        "segments": {"by": ["country"]},
        "arms": [_arm("voucher", "discount", 5.0), _arm("voucher", "discount", 25.0)],
        "variants": [
            {"key": "vouchers", "share": 0.8, "policy": {"name": "split", "params": {"weights": VOUCHERS}}},
            {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
        ],
        "control": "holdout",
        "time_zone": "Europe/Berlin",
    }


VOUCHERS = {"voucher-5": 0.5, "voucher-25": 0.5}


def _arm(name: str, event: str, amount: float) -> Body:
    return {
        "key": f"{name}-{amount:g}",
        "event_type": event,
        "reward_kind": "credit",
        "reward_amount": amount,
        "reward_cost": amount,
        "cost_on": "reward_redeemed",
        "contact_cost": 0.02,
    }


class Calendar:
    """Stands in for the module `time` where the service reads its clock."""

    def __init__(self, at: float) -> None:
        self.at = at

    def time_ns(self) -> int:
        """Nanoseconds since 1970; a little later at every look, as clocks are."""
        self.at += 1e-5
        return int(self.at * 1e9)


@contextmanager
def clock_at(at: float) -> Iterator[Calendar]:
    """Set the service's clock in this process."""
    calendar = Calendar(at)
    before, times.time = times.time, calendar  # type: ignore[assignment]  # all that is read of it
    try:
        yield calendar
    finally:
        times.time = before


def play(settings: Settings, weeks: Weeks | None = None) -> None:
    """Live through the weeks, up to now. The database must be migrated."""
    weeks = weeks or Weeks()
    engine = engine_for(settings)
    with clock_at(time.time() - weeks.days * 86_400) as calendar:
        key = create_key(engine, SYSTEM, "campaign system", SCOPES).key
        asyncio.run(_live(settings, weeks, calendar, key))
    engine.dispose()


async def _live(settings: Settings, weeks: Weeks, calendar: Calendar, key: str) -> None:
    app = create_app(settings)
    worker = WorkerContext(settings)
    headers = {"Authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://winback", headers=headers, timeout=60) as client,
    ):
        past = _Past(client, weeks, calendar)
        await past.open()
        for step in range(weeks.days * STEPS_A_DAY):
            await past.step(step)
            for name in BETWEEN:
                JOBS[name].run(worker)
            await asyncio.sleep(2 * settings.snapshot_poll)
        await past.send("POST", f"/v1/segments/{SEGMENT}/refresh")
    for _ in range(100):
        JOBS["segment"].run(worker)
        await asyncio.sleep(0.1)
    worker.close()


class _Past:
    """Asks, waits, tells what people did."""

    def __init__(self, client: httpx.AsyncClient, weeks: Weeks, calendar: Calendar) -> None:
        self.client, self.weeks, self.calendar = client, weeks, calendar
        self.rng = random.Random(weeks.seed)
        people = population(sum(weeks.daily.values()) * weeks.days, seed=weeks.seed)
        self.people = iter(people)
        self.due: list[tuple[float, Body]] = []

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's document. Raises RuntimeError where the API refuses."""
        answer = await self.client.request(method, path, json=body)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def open(self) -> None:
        """The global holdout, the segment, and the first campaign."""
        await self.send("PUT", "/v1/settings/global-holdout", {"share": 0.15})
        await self.send("POST", "/v1/segments", {"key": SEGMENT, "name": "Days inactive", "kind": "external"})
        await self.start(spring())

    async def start(self, definition: Body) -> None:
        """Create and start."""
        await self.send("POST", "/v1/experiments", definition)
        await self.send("POST", f"/v1/experiments/{definition['key']}/start")

    async def step(self, step: int) -> None:
        """A quarter of a day."""
        day, quarter = divmod(step, STEPS_A_DAY)
        if day == self.weeks.summer_from and not quarter:
            await self.start(summer())
        begin = self.calendar.at
        for key, daily in self.weeks.daily.items():
            if key == SPRING or day >= self.weeks.summer_from:
                await self.ask(key, [next(self.people) for _ in range(daily // STEPS_A_DAY)])
        self.calendar.at = max(begin + 86_400 / STEPS_A_DAY, self.calendar.at)
        await self.tell()

    async def ask(self, key: str, people: list[Person]) -> None:
        """One body of decisions."""
        rows = [{"unit_id": one.unit_id, "context": {**one.context, "tier": _tier(one)}} for one in people]
        path = f"/v1/experiments/{key}/assignments/batch"
        answers = (await self.send("POST", path, {"assignments": rows}))["results"]
        members = [{"unit_id": one.unit_id, "value": _tier(one)} for one in people]
        await self.send("PUT", f"/v1/segments/{SEGMENT}/members", {"members": members})
        for person, answer in zip(people, answers, strict=True):
            event = answer.get("event_type")
            if self.rng.random() < person.chance(event, (answer.get("reward_amount") or 0.0) >= LARGE):
                self.comes_back(person, answer, event)

    def comes_back(self, person: Person, answer: Body, event: str | None) -> None:
        """A session within two days, perhaps a purchase and the reward."""
        at = self.calendar.at + self.rng.expovariate(1.0) % 2.0 * 86_400
        kinds: list[tuple[str, float | None]] = [("session", None)]
        if event is not None:
            kinds += [("click", None), ("participation", None)][: self.rng.randint(0, 2)]
            if self.rng.random() < 0.7:
                kinds.append(("reward_redeemed", None))
        if self.rng.random() < 0.6:
            kinds += [("conversion", None), ("revenue", round(self.rng.lognormvariate(3.6, 0.5), 2))]
        for kind, value in kinds:
            self.due.append(
                (
                    at,
                    {
                        "event_id": f"{person.unit_id}-{kind}",
                        "unit_id": person.unit_id,
                        **({"decision_id": answer["decision_id"]} if answer["assigned"] else {}),
                        "kind": kind,
                        "value": value,
                        "occurred_at": datetime.fromtimestamp(at, UTC).isoformat(),
                    },
                )
            )

    async def tell(self) -> None:
        """What has happened by now."""
        ready = [body for at, body in self.due if at <= self.calendar.at]
        self.due = [(at, body) for at, body in self.due if at > self.calendar.at]
        for start in range(0, len(ready), 1000):
            await self.send("POST", "/v1/outcomes", ready[start : start + 1000])


def _tier(person: Person) -> str:
    away = int(person.context["days_inactive"])
    low = max(tier for tier in TIERS if tier <= away)
    return "120+" if low == TIERS[-1] else f"{low}-{low + 30}"
