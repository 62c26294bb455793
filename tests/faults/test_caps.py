"""Caps and budgets under 64 callers of two replicas, one of which is killed: never exceeded by one."""

import asyncio
import itertools
import random
import signal
import ssl
import time
from collections import Counter

import httpx
import pytest
from sqlalchemy import text

from experiments.model.access.principal import SYSTEM
from experiments.services.designing.definitions import create_experiment
from experiments.services.designing.steering import move_experiment
from experiments.services.verifying import verify
from experiments.store.core.engine import reading
from experiments.views.budgets import budget
from tests.faults.base import api_process

CALLERS = 64
IMPATIENT = {"WINBACK_LEASE_SECONDS": "1.5", "WINBACK_DATABASE_TIMEOUT": "10"}
COST = {"nothing": 0.0, "mail": 0.01, "coupon": 2.01}
CAP, MAIL, AMOUNT, UNITS = 2, 15, 31.0, 12


def _definition(key: str, **limits) -> dict:
    return {
        "key": key,
        "decision_window": "PT0S",
        "arms": [
            {"key": "nothing"},
            {"key": "mail", "contact_cost": 0.01},
            {"key": "coupon", "reward_cost": 2, "contact_cost": 0.01},
        ],
        "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
        **limits,
    }


PER_UNIT = {"caps": {"contacts": [{"max": CAP, "within": "P7D", "scope": "service"}]}}
EXPERIMENTS = (
    _definition("one", **PER_UNIT),
    _definition("two", **PER_UNIT),
    _definition("own", caps={"contacts": [{"max": CAP, "within": "P7D"}], "reward": {"per_unit": 2}}),
    _definition("total", caps={"arms": {"mail": {"total": MAIL}}}, budget={"amount": AMOUNT, "pacing": "none"}),
)


class Load:
    """Callers that ask for few units again and again, at either replica while it lives."""

    def __init__(self, key: str, urls: list[str]) -> None:
        self.headers, self.ssl = {"Authorization": f"Bearer {key}"}, ssl.create_default_context()
        self.urls, self.count, self.arms = urls, itertools.count(), Counter[tuple[str, str]]()

    async def run(self, calls: int) -> None:
        until = next(self.count) + calls
        await asyncio.gather(*[self._call(until, random.Random(n)) for n in range(CALLERS)])

    async def _call(self, until: int, rng: random.Random) -> None:
        # Each caller has a client of its own: one pool of 64 connections costs more than what is tested.
        async with httpx.AsyncClient(headers=self.headers, timeout=60, verify=self.ssl) as client:
            await self._ask(client, until, rng)

    async def _ask(self, client: httpx.AsyncClient, until: int, rng: random.Random) -> None:
        while (number := next(self.count)) < until:
            url, key = rng.choice(self.urls), EXPERIMENTS[number % len(EXPERIMENTS)]["key"]
            body = {"unit_id": f"u{rng.randrange(UNITS)}", "idempotency_key": f"k{number}"}
            try:
                answer = await client.post(f"{url}/v1/experiments/{key}/assignments", json=body)
            except httpx.TransportError:
                continue
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                self.arms[key, answer.json()["arm"]] += 1


@pytest.mark.parametrize("calls", [240, pytest.param(6000, marks=[pytest.mark.proof, pytest.mark.timeout(900)])])
def test_no_cap_is_exceeded_by_one(listening, database_url, engine, calls) -> None:
    for definition in EXPERIMENTS:
        create_experiment(engine, SYSTEM, definition)
        move_experiment(engine, SYSTEM, definition["key"], "start")
    with api_process(database_url, **IMPATIENT) as (port, doomed):
        load = Load(listening.key, [f"http://127.0.0.1:{port}", listening.url])

        async def killed_midway() -> None:
            running = asyncio.create_task(load.run(calls // 3))
            while sum(load.arms.values()) < calls // 6:
                await asyncio.sleep(0.005)
            doomed.send_signal(signal.SIGKILL)
            await running

        asyncio.run(killed_midway())
        load.urls = [listening.url]
        _check(engine)
        time.sleep(2)  # the leases of the one that was killed run out
        asyncio.run(load.run(calls))
    _check(engine)
    _nothing_is_left(engine)
    for definition in EXPERIMENTS:
        assert verify(engine, SYSTEM, definition["key"]).different == 0


def _rows(engine) -> list[tuple[str, str, str]]:
    with reading(engine) as session:
        statement = "SELECT e.key, d.unit_id, d.arm FROM decisions d JOIN experiments e ON e.id = d.experiment_id"
        return [tuple(row) for row in session.connection().execute(text(statement))]


def _check(engine) -> None:
    rows = _rows(engine)
    contacts = [(key, unit, arm) for key, unit, arm in rows if arm != "nothing"]
    # What `own` and `total` decide counts for the other two and is not bound by their cap.
    together = Counter(unit for key, unit, _ in contacts if key in ("one", "two"))
    assert max(together.values(), default=0) <= CAP
    own = Counter(unit for key, unit, _ in contacts if key == "own")
    assert max(own.values(), default=0) <= CAP
    assert max(Counter(unit for key, unit, arm in contacts if (key, arm) == ("own", "coupon")).values(), default=0) <= 1
    total = [arm for key, _, arm in rows if key == "total"]
    assert total.count("mail") <= MAIL
    assert sum(COST[arm] for arm in total) <= AMOUNT + 1e-9
    standing = budget(engine, SYSTEM, "total")
    assert standing["committed"] == pytest.approx(sum(COST[arm] for arm in total)), "the ledger is what was decided"


def _nothing_is_left(engine) -> None:
    """What the killed process held was taken back and used."""
    total = [arm for key, _, arm in _rows(engine) if key == "total"]
    assert total.count("mail") == MAIL
    assert sum(COST[arm] for arm in total) > AMOUNT - COST["coupon"]
