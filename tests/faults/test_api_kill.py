"""kill -9 of the API under load at random instants: what was acknowledged is there exactly once, nothing by halves."""

import asyncio
import itertools
import random
import signal
import subprocess

import httpx
import pytest
from sqlalchemy import text

from experiments.model.access.principal import SCOPES, SYSTEM
from experiments.model.deciding.record import decode_record
from experiments.services.access.granting_keys import create_key
from experiments.services.designing.definitions import create_experiment
from experiments.services.designing.steering import move_experiment
from experiments.services.verifying import verify
from experiments.store.core.engine import reading
from tests.faults.base import api_process

CALLERS = 16
DEFINITION = {
    "key": "e",
    "arms": [{"key": f"arm-{n}"} for n in range(4)],
    "variants": [
        {"key": "v", "share": 0.6, "policy": {"name": "squarecb"}},
        {"key": "w", "share": 0.4, "policy": {"name": "split", "params": {"weights": {"arm-1": 1, "arm-2": 2}}}},
    ],
}


class Load:
    """Callers that ask for one unit after the other, and again where they got no answer."""

    def __init__(self, key: str) -> None:
        self.headers = {"Authorization": f"Bearer {key}"}
        self.acknowledged: dict[str, dict] = {}
        self.unanswered: list[str] = []
        self.fresh = itertools.count()

    async def run(self, port: int, stop: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=self.headers, timeout=30) as client:
            await asyncio.gather(*[self._call(client, stop) for _ in range(CALLERS)])

    async def _call(self, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            unit = self.unanswered.pop() if self.unanswered else f"unit-{next(self.fresh)}"
            try:
                answer = await client.post("/v1/experiments/e/assignments", json={"unit_id": unit, "context": {"x": 1}})
            except httpx.TransportError:
                self.unanswered.append(unit)
                return
            assert answer.status_code == 200, answer.text
            self.acknowledged[unit] = answer.json()


async def _until_killed(load: Load, port: int, process: subprocess.Popen[bytes], rng: random.Random) -> None:
    """Kill after a random number of answers and a random moment more, so that a slow machine is hit as well."""
    stop, enough = asyncio.Event(), len(load.acknowledged) + rng.randint(20, 200)
    running = asyncio.create_task(load.run(port, stop))
    while len(load.acknowledged) < enough:
        await asyncio.sleep(0.001)
    await asyncio.sleep(rng.uniform(0, 0.02))
    process.send_signal(signal.SIGKILL)
    await running


async def _in_peace(load: Load, port: int, process: subprocess.Popen[bytes]) -> None:
    """The last stretch: what was never answered is asked again, then the process is told to stop under load."""
    stop = asyncio.Event()
    running = asyncio.create_task(load.run(port, stop))
    while load.unanswered:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    await running
    process.wait(30)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.proof)])
def test_every_acknowledged_decision_is_there_exactly_once(database_url, engine, kills) -> None:
    create_experiment(engine, SYSTEM, DEFINITION)
    move_experiment(engine, SYSTEM, "e", "start")
    load, rng = Load(create_key(engine, SYSTEM, "load", SCOPES).key), random.Random(kills)
    for _ in range(kills):
        with api_process(database_url) as (port, process):
            asyncio.run(_until_killed(load, port, process, rng))
    with api_process(database_url) as (port, process):
        asyncio.run(_in_peace(load, port, process))
        assert process.returncode in (0, -signal.SIGTERM)
    _check(engine, load)


def _check(engine, load: Load) -> None:
    with reading(engine) as session:
        rows = session.connection().execute(text("SELECT * FROM decisions")).all()
    assert len({row.unit_id for row in rows}) == len(rows), "a unit was decided twice"
    by_unit = {row.unit_id: row for row in rows}
    assert len(load.acknowledged) > 50
    for unit, answer in load.acknowledged.items():
        row = by_unit[unit]
        assert (row.arm, row.variant, row.propensity) == (answer["arm"], answer["variant"], answer["propensity"])
    for row in rows:
        record = decode_record(row.record)
        assert record.pmf[record.eligible.index(row.arm)] == row.propensity
    # Beyond those acknowledged only what was committed when the answer could not leave any more.
    assert len(rows) - len(load.acknowledged) <= len(load.unanswered)
    assert verify(engine, SYSTEM, "e").different == 0
