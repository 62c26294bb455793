"""Random campaigns under totals, decided by several replicas in several lanes, some of which are killed: the books are
looked at after every commit, and nothing may be left that an arm could have had."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Engine, text

from experiments.errors import UnavailableError
from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.decisions import DecisionRow
from experiments.model.designing.definition import Definition
from experiments.model.designing.limit_plan import LimitPlan, compile_limits
from experiments.model.times import now
from experiments.services.deciding.decider import Decider
from experiments.services.deciding.limit_leases import LimitLeases
from experiments.services.deciding.messages import Assignment
from experiments.services.deciding.runtime import Runtime
from experiments.services.designing.definitions import create_experiment
from experiments.services.designing.steering import move_experiment
from experiments.settings import Settings
from experiments.store.core.engine import reading
from experiments.store.deciding.decision_log import Known, Wanted
from experiments.store.deciding.decision_log_postgres import PostgresDecisionLog
from experiments.store.deciding.decision_log_sqlite import SqliteDecisionLog
from experiments.store.limits.ledger import Ledger

_LEASES = """
SELECT l.resource, l.holder, l.granted, l.used FROM limit_leases AS l
JOIN experiments AS e ON e.id = l.experiment_id WHERE e.key = :key
"""
_TOTALS = """
SELECT t.resource, t.used FROM limit_totals AS t JOIN experiments AS e ON e.id = t.experiment_id WHERE e.key = :key
"""
_ARMS = """
SELECT d.arm, count(*) FROM decisions AS d JOIN experiments AS e ON e.id = d.experiment_id WHERE e.key = :key
GROUP BY d.arm
"""


class Course(NamedTuple):
    """How a run goes: the campaign, and who decides for it."""

    definition: dict[str, Any]
    replicas: int
    lanes: int
    kills: int
    block: int | None


def course_of(seed: int) -> Course:
    """A random one; `block` is None where people ask one by one."""
    rng = random.Random(seed)
    arms = [{"key": "nothing"}]
    for n in range(rng.randint(1, 4)):
        costs = {"contact_cost": rng.choice([0, 0.01, 0.13]), "reward_cost": rng.choice([0.5, 1, 2.37, 5, 20])}
        arms.append({"key": f"a{n}", **costs})
    limits: dict[str, Any] = {"budget": {"amount": round(rng.uniform(20, 400), 2), "pacing": "none"}}
    if rng.random() < 0.4:
        limits["caps"] = {"reward": {"total": round(rng.uniform(10, 300), 2)}}
    if rng.random() < 0.5:
        limits.setdefault("caps", {})["arms"] = {rng.choice(arms[1:])["key"]: {"total": rng.randint(1, 60)}}
    if "caps" in limits and rng.random() < 0.2:
        del limits["budget"]
        limits["caps"]["arms"] = {arm["key"]: {"total": rng.randint(1, 60)} for arm in arms[1:]}
    variants = [{"key": "v", "share": 1, "policy": {"name": "uniform"}}]
    definition = {"key": f"run-{seed}", "arms": arms, "variants": variants, **limits}
    replicas = rng.randint(1, 3)
    return Course(definition, replicas, rng.randint(1, 4), rng.randint(0, 2), rng.choice([None, 16, 64, 300]))


class Books:
    """What the database says of one campaign's totals."""

    def __init__(self, engine: Engine, key: str) -> None:
        with reading(engine) as session:
            rows = [session.connection().execute(text(each), {"key": key}).all() for each in (_LEASES, _TOTALS, _ARMS)]
        self.leases, self.totals = rows[0], {resource: int(used) for resource, used in rows[1]}
        self.arms = Counter({arm: int(count) for arm, count in rows[2]})

    def used(self, resource: str) -> int:
        """By all who are there and were."""
        return self.totals.get(resource, 0) + sum(each.used for each in self.leases if each.resource == resource)

    def check(self, plan: LimitPlan) -> None:
        """What is lent is used or left, and what is used is what was decided."""
        for resource, limit in plan.totals.items():
            lent = self.totals.get(resource, 0) + sum(each.granted for each in self.leases if each.resource == resource)
            assert lent <= limit, (resource, lent, limit)
            decided = sum(count * taken(plan, arm, resource) for arm, count in self.arms.items())
            assert self.used(resource) == decided, (resource, self.used(resource), decided)
        assert all(0 <= each.used <= each.granted for each in self.leases), self.leases

    def affordable(self, plan: LimitPlan) -> list[str]:
        """The arms that cost anything and that what is not used would still pay for."""
        left = {resource: limit - self.used(resource) for resource, limit in plan.totals.items()}
        costly = {arm: uses for arm, uses in plan.uses.items() if any(use.amount for use in uses)}
        return [arm for arm, uses in costly.items() if all(left[use.resource] >= use.amount for use in uses)]


def taken(plan: LimitPlan, arm: str, resource: str) -> int:
    """What a decision for the arm uses."""
    return sum(use.amount for use in plan.uses.get(arm, ()) if use.resource == resource)


class _WatchedLog:
    """A log whose answers are late, and that looks at the books after every commit."""

    def __init__(self, log: Any, run: "Run", rng: random.Random) -> None:
        self._log, self._run, self._rng, self.under_way = log, run, rng, 0

    async def look_up(self, wanted: Mapping[int, Wanted]) -> Known:
        found: Known = await self._log.look_up(wanted)
        await self._late()
        return found

    async def append(
        self, rows: Sequence[DecisionRow], clocks: Mapping[int, int], ledger: Ledger | None, erased_at: int
    ) -> set[int]:
        self.under_way += 1
        try:
            await self._late()
            committed: set[int] = await self._log.append(rows, clocks, ledger, erased_at)
            self._run.look()
            await self._late()
        finally:
            self.under_way -= 1
        return committed

    async def close(self) -> None:
        await self._log.close()

    async def _late(self) -> None:
        await asyncio.sleep(self._rng.choice([0, 0, 0.001, 0.004]))


class Replica:
    """A process's share of deciding."""

    def __init__(self, run: "Run", lanes: int, rng: random.Random) -> None:
        settings, patience = run.settings, 10.0
        if settings.is_sqlite:
            inner: Any = SqliteDecisionLog(settings.sqlite_path, patience)
        else:
            inner = PostgresDecisionLog(settings.database_url, patience, lanes)
        self.runtime = Runtime(run.engine, patience)
        self.log, self.leases = _WatchedLog(inner, run, rng), LimitLeases(run.engine, 10.0, patience)
        self.decider = Decider(self.runtime, self.log, self.leases, lanes=lanes)
        self.calls: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        await self.runtime.start()
        self.decider.start()

    def check(self, books: Books) -> None:
        """What is known here is what is true, wherever nothing is under way."""
        if self.log.under_way:
            return
        for each in (each for each in books.leases if each.holder == self.leases.holder):
            blocks = [block for (_, resource), block in self.leases._blocks.items() if resource == each.resource]
            assert [block.used for block in blocks] == [each.used], (each, blocks)

    async def ask(self, key: str, units: Sequence[str], block: int | None) -> list[str | None]:
        """The arms of these units, at once."""
        requests = [Assignment(unit) for unit in units]
        if block is None:
            decisions = await self._all(self.decider.decide(SYSTEM, key, each) for each in requests)
            return [each.arm for each in decisions]
        starts = range(0, len(requests), block)
        blocks = (self.decider.decide_block(SYSTEM, key, requests[at : at + block], now()) for at in starts)
        answers = [answer for found in await self._all(blocks) for answer in found]
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        return [None if answer.row is None else answer.row.arm for answer in answers]

    async def _all(self, calls: Iterator[Any]) -> list[Any]:
        tasks = [asyncio.create_task(call) for call in calls]
        self.calls.update(tasks)
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            self.calls.difference_update(tasks)

    def kill(self) -> None:
        """It is gone in the middle of whatever it does, and gives nothing back."""
        for task in [*self.decider._tasks, *self.calls]:
            task.cancel()

    async def close(self) -> None:
        with suppress(asyncio.CancelledError):
            await self.decider.close()
        await self.log.close()


class Run:
    """One random run over a database."""

    def __init__(self, settings: Settings, engine: Engine, seed: int) -> None:
        self.settings, self.engine, self.rng = settings, engine, random.Random(f"run {seed}")
        self.course = course_of(seed)
        definition = self.course.definition
        self.key = definition["key"]
        create_experiment(engine, SYSTEM, definition)
        move_experiment(engine, SYSTEM, self.key, "start")
        plan = compile_limits(Definition.model_validate(definition), 0, {})
        assert plan is not None
        self.plan, self.units, self.replicas, self.looks = plan, 0, list[Replica](), 0

    def look(self) -> None:
        """Look at the books."""
        self.looks += 1
        books = Books(self.engine, self.key)
        books.check(self.plan)

    async def run(self) -> Books:
        """Decide until nobody is given anything any more; the books after that."""
        for _ in range(self.course.replicas):
            await self._begin()
        for _ in range(self.course.kills):
            await self._until_killed()
        while await self._round():
            pass
        books = Books(self.engine, self.key)
        books.check(self.plan)
        for replica in self.replicas:
            replica.check(books)
            await replica.close()
        return books

    async def _begin(self) -> None:
        self.replicas.append(Replica(self, self.course.lanes, self.rng))
        await self.replicas[-1].start()

    async def _until_killed(self) -> None:
        victim = self.replicas[0]
        asyncio.get_running_loop().call_later(self.rng.uniform(0.005, 0.15), victim.kill)
        await asyncio.gather(*[self._ask(each) for each in self.replicas], return_exceptions=True)
        victim.kill()
        await asyncio.gather(*victim.decider._tasks, return_exceptions=True)
        self.replicas.remove(victim)
        await victim.log.close()
        await self._begin()

    async def _round(self) -> int:
        """How many were given an arm that costs anything."""
        found = await asyncio.gather(*[self._ask(each) for each in self.replicas])
        arms = [arm for answers in found for arm in answers]
        books = Books(self.engine, self.key)
        for replica in self.replicas:
            replica.check(books)
        return sum(any(use.amount for use in self.plan.uses.get(str(arm), ())) for arm in arms)

    async def _ask(self, replica: Replica) -> list[str | None]:
        count = self.rng.randint(30, 120)
        units = [f"{self.key}-{self.units + n}" for n in range(count)]
        self.units += count
        try:
            return await replica.ask(self.key, units, self.course.block)
        except UnavailableError:
            if replica in self.replicas:
                raise
            return []


async def spend(settings: Settings, engine: Engine, seed: int) -> Run:
    """Carry out a run; raises AssertionError where the books are wrong or something was left that an arm could have."""
    run = Run(settings, engine, seed)
    books = await run.run()
    assert books.affordable(run.plan) == [], (run.course, books.leases, books.totals, books.arms)
    return run
