"""What the simulated people do: the campaign asks for an arm, and some come back a little later."""

import asyncio
import random
import uuid
from datetime import UTC, datetime
from typing import Any

from cli.demo.calls import Calls
from cli.demo.campaign import LARGE
from cli.demo.tally import Tally
from cli.demo.world import Person, population

PER_SECOND = 60
"""Requests for an arm: enough to learn within a minute, little enough to leave the machine usable."""

IN_FLIGHT = 64
"""Requests that may wait for their answer: while the service is away the campaign waits too, and does not pile up."""

PEOPLE = 12_000
FLUSH_SECONDS = 0.5
MOST_OUTCOMES = 1000
MEAN_DELAY, LONGEST_DELAY = 1.5, 5.0
"""Seconds until somebody comes back, within the attribution window."""


class Traffic:
    """One campaign over the whole population, again and again in a new order."""

    def __init__(self, calls: Calls, key: str, seed: int, tally: Tally) -> None:
        self._calls, self._key, self._tally = calls, key, tally
        self._rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._people = population(PEOPLE, seed=1)
        self._due: list[tuple[float, dict[str, Any]]] = []

    async def ask(self) -> None:
        """Ask for arms at PER_SECOND, on and on, each in a task of its own so that a slow reply delays no other."""
        loop, room = asyncio.get_running_loop(), asyncio.Semaphore(IN_FLIGHT)
        due = loop.time()
        async with asyncio.TaskGroup() as group:
            while True:
                for person in self._rng.sample(self._people, len(self._people)):
                    due = max(due + 1 / PER_SECOND, loop.time() - 1.0)
                    await asyncio.sleep(due - loop.time())
                    await room.acquire()
                    group.create_task(self._decide(person)).add_done_callback(lambda _: room.release())

    async def report(self) -> None:
        """Send what has happened, on and on."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Send the outcomes whose time has come."""
        now = asyncio.get_running_loop().time()
        ready = [outcome for due, outcome in self._due if due <= now][:MOST_OUTCOMES]
        if not ready:
            return
        sent = {outcome["event_id"] for outcome in ready}
        await self._calls.post("/v1/outcomes", ready)
        self._due = [entry for entry in self._due if entry[1]["event_id"] not in sent]

    async def _decide(self, person: Person) -> None:
        body = {"unit_id": person.unit_id, "context": dict(person.context)}
        reply = (await self._calls.post(f"/v1/experiments/{self._key}/assignments", body)).json()
        if not reply["assigned"]:
            return
        returned = self._rng.random() < person.chance(reply["event_type"], reply["reward_amount"] == LARGE)
        self._tally.count(reply["variant"], returned)
        if returned:
            self._come_back(reply)

    def _come_back(self, reply: dict[str, Any]) -> None:
        delay = min(self._rng.expovariate(1 / MEAN_DELAY), LONGEST_DELAY)
        self._later(delay, reply, "session", None)
        if reply["event_type"] is not None and self._rng.random() < 0.7:
            self._later(delay, reply, "reward_redeemed", None)
        if self._rng.random() < 0.5:
            self._later(delay, reply, "revenue", round(self._rng.lognormvariate(3.2, 0.6), 2))

    def _later(self, delay: float, reply: dict[str, Any], kind: str, value: float | None) -> None:
        happens = datetime.now(UTC).timestamp() + delay
        outcome = {
            "event_id": str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            "source": "demo",
            "decision_id": reply["decision_id"],
            "unit_id": reply["unit_id"],
            "kind": kind,
            "value": value,
            "occurred_at": datetime.fromtimestamp(happens, UTC).isoformat(),
        }
        self._due.append((asyncio.get_running_loop().time() + delay, outcome))
