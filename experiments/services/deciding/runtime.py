"""What an API process knows without asking: plans of all experiments, swapped whole when something has changed."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Engine

from experiments.errors import UnavailableError
from experiments.model.designing.definition import ArmDefinition, Definition
from experiments.model.times import now
from experiments.services.deciding.holding_out import HeldOutAsks
from experiments.services.deciding.plan import Plan, compile_plan, recompile
from experiments.services.deciding.policy_cache import PolicyCache
from experiments.store.deciding.runtime_reads import Heads, read_definition, read_experiments, read_heads, read_snapshot

_log = structlog.get_logger("winback.deciding")
_MISS_EVERY = 0.05
"""Seconds between two looks that calls for unknown experiments can cause."""

Result = TypeVar("Result")
ArmsByKey = Mapping[str, ArmDefinition]


class Runtime:
    """Plans by key and by id. Only `refresh` changes them, off the event loop, and swaps them at once."""

    def __init__(self, engine: Engine, patience: float) -> None:
        self._engine, self._patience = engine, patience
        self._cache = PolicyCache(lambda number: read_snapshot(engine, number))
        self._by_id: dict[int, Plan] = {}
        self._by_key: dict[str, Plan] = {}
        self._arms_by_key: dict[tuple[int, int], ArmsByKey] = {}
        self._heads: Heads | None = None
        self._lock = asyncio.Lock()
        self._looked = 0.0
        self.held_out = HeldOutAsks(engine)

    async def start(self) -> None:
        """Load everything. A database that is away is no reason not to start: calls get 503 until it comes."""
        try:
            await self.refresh()
        except UnavailableError:
            _log.warning("the database is away; deciding starts when it comes")

    async def refresh(self) -> None:
        """Look for changes now. Raises UnavailableError."""
        async with self._lock:
            made = await self._in_thread(self._load)
            self._by_id = made
            self._by_key = {plan.key: plan for plan in made.values()}
            self._looked = time.monotonic()

    async def keep_fresh(self, every: float) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.store_held_out()
                await self.refresh()
            except UnavailableError:
                _log.warning("the database is away; deciding goes on as soon as it is back")
            except Exception:
                _log.exception("what has changed could not be loaded")

    async def store_held_out(self) -> None:
        """Store who of the global holdout has asked since the last time. Raises UnavailableError."""
        if self.held_out.waiting:
            await self._in_thread(self.held_out.store)

    @property
    def is_loaded(self) -> bool:
        """Whether the database was seen since the start."""
        return self._heads is not None

    def plan(self, key: str) -> Plan | None:
        """The plan of this experiment, as far as is known."""
        return self._by_key.get(key)

    def plans(self) -> Collection[Plan]:
        """Every plan, as far as is known."""
        return self._by_id.values()

    async def plan_or_look(self, key: str) -> Plan | None:
        """The plan, after a look at the database where it is unknown. Raises UnavailableError."""
        if key not in self._by_key and time.monotonic() - self._looked > _MISS_EVERY:
            await self.refresh()
        return self._by_key.get(key)

    def by_id(self, number: int) -> Plan | None:
        """The plan of the experiment of this id."""
        return self._by_id.get(number)

    def at(self, plan: Plan, instant: int) -> Plan:
        """The plan at an instant of its clock, compiled anew where an adjustment has expired since."""
        if instant < plan.valid_until:
            return plan
        renewed = recompile(plan, self._cache, instant)
        if self._by_id.get(plan.id) is plan:
            self._by_id[plan.id] = self._by_key[plan.key] = renewed
        return renewed

    async def load_arms_by_key(self, revisions: Collection[tuple[int, int]]) -> None:
        """Make the arms of these (experiment, revision) known to `arms_by_key`. Raises UnavailableError."""
        for pair in revisions:
            if pair not in self._arms_by_key:
                found = await self._in_thread(partial(read_definition, self._engine, *pair))
                definition = Definition.model_validate(found)
                self._arms_by_key[pair] = {arm.key: arm for arm in definition.arms_with_nothing}

    def arms_by_key(self, experiment_id: int, revision: int) -> ArmsByKey | None:
        """The arms of a revision by key; None until loaded."""
        plan = self._by_id.get(experiment_id)
        if plan is not None and plan.revision == revision:
            return plan.arms_by_key
        return self._arms_by_key.get((experiment_id, revision))

    def _load(self) -> dict[int, Plan]:
        heads = read_heads(self._engine)
        known = self._by_id
        learners: dict[int, dict[str, int]] = {}
        for (owner, variant), snapshot in heads.snapshots.items():
            learners.setdefault(owner, {})[variant] = snapshot
        settled = self._heads is not None and self._heads.settings == heads.settings
        changed = [
            number
            for number, version in heads.versions.items()
            if not (settled and _current(known.get(number), version, learners.get(number, {})))
        ]
        made = {number: plan for number, plan in known.items() if number in heads.versions}
        for stored in read_experiments(self._engine, changed):
            instant = stored.experiment.clock_now if stored.experiment.definition.get("clock") == "caller" else now()
            plan = compile_plan(stored, heads, self._cache, instant or 0)
            made[plan.id] = plan
        self._heads = heads
        return made

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        try:
            async with asyncio.timeout(self._patience + 0.1):
                return await asyncio.to_thread(call)
        except TimeoutError as error:
            raise UnavailableError("the database did not answer in time; try again") from error


def _current(plan: Plan | None, version: int, learners: Mapping[str, int]) -> bool:
    return plan is not None and plan.version == version and plan.heads == learners
