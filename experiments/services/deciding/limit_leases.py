"""This process's blocks of the totals: used between the draw and the commit, topped up before a batch is computed."""

import asyncio
import os
import secrets
import socket
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import Engine

from experiments.errors import UnavailableError
from experiments.model.designing.limit_plan import LimitPlan, Use
from experiments.model.times import SECOND, now
from experiments.services.deciding.gate import Gate
from experiments.store.limits.leases import Ask, Grant, Holder, grant_blocks, return_blocks
from experiments.store.limits.ledger import Ledger, LimitsKnown, Taken

Demands = Mapping[int, tuple[LimitPlan, int]]
"""By experiment: its limits, and how many decisions may come under them."""

Place = tuple[int, str]
"""An experiment and a resource."""


@dataclass(slots=True)
class Block:
    """A lease as this process knows it; the database has the last word when a batch is committed."""

    lease_id: int
    granted: int
    used: int
    pending: int = 0

    @property
    def left(self) -> int:
        """What is neither used nor on its way."""
        return self.granted - self.used - self.pending


class LimitLeases:
    """The blocks of one process. Not for several threads: the event loop's alone.

    A lease lasts `seconds` after its last use; `patience` bounds the wait for more. Batches of several lanes are inside
    `together` from the first draw until they are settled, and a grant is noted with none of them inside: what the
    database says is used then holds nothing that is still on its way here, and nothing is counted twice or not at all.
    """

    def __init__(self, engine: Engine, seconds: float, patience: float) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._engine, self._length, self._patience = engine, int(seconds * SECOND), patience
        self._blocks: dict[Place, Block] = {}
        self._by_lease: dict[int, Block] = {}
        self._doubtful: set[Place] = set()
        self._gate = Gate()

    def together(self) -> AbstractAsyncContextManager[None]:
        """Draw, commit and settle beside other lanes."""
        return self._gate.together()

    def alone(self) -> AbstractAsyncContextManager[None]:
        """The same with no other lane between a grant and its use."""
        return self._gate.alone()

    def expiry(self) -> int:
        """Until when a lease that is used now lasts."""
        return now() + self._length

    def left(self, experiment_id: int, resource: str) -> int:
        """What may still be used without asking for more."""
        block = self._blocks.get((experiment_id, resource))
        return 0 if block is None else block.left

    def take(self, ledger: Ledger, row_id: int, experiment_id: int, uses: Iterable[Use]) -> None:
        """Reserve what a drawn row uses, until `settle`."""
        taken = []
        for use in uses:
            block = self._blocks.get((experiment_id, use.resource))
            if block is not None:
                block.pending += use.amount
                taken.append(Taken(block.lease_id, use.amount, use.later))
        if taken:
            ledger.taken[row_id] = taken

    def settle(self, ledger: Ledger, committed: Collection[int]) -> None:
        """What was committed is used; what was not is free again."""
        for row_id, taken in ledger.taken.items():
            stored = row_id in committed
            for lease_id, amount, _ in taken:
                block = self._by_lease.get(lease_id)
                if block is not None:
                    block.pending -= amount
                    block.used += amount if stored else 0

    def doubt(self) -> None:
        """What is known here may not be what is true: ask again before it is built on."""
        self._doubtful.update(self._blocks)

    async def top_up(self, demands: Demands, known: LimitsKnown) -> None:
        """Make sure of what so many decisions may need of each experiment's totals, as far as there is any free.

        Raises UnavailableError.
        """
        if any(self._is_short(ask, known) for ask in _asks(demands)):
            async with self._gate.alone():
                await self._grant([ask for ask in _asks(demands) if self._is_short(ask, known)], calls_back=False)

    async def call_back(self, demands: Demands) -> None:
        """The same for who is `alone`, also from what other processes leave idle. Raises UnavailableError."""
        await self._grant(list(_asks(demands)), calls_back=True)

    async def close(self) -> None:
        """Give back what was not used."""
        if self._blocks:
            await asyncio.to_thread(return_blocks, self._engine, self.holder)
            for known in (self._blocks, self._by_lease, self._doubtful):
                known.clear()

    def _is_short(self, ask: Ask, known: LimitsKnown) -> bool:
        """Whether there may be more to be had, or what is known is in doubt. Asking costs a transaction."""
        place = ask.experiment_id, ask.resource
        if place not in self._blocks or place in self._doubtful:
            return True
        taken, left = known.taken.get(ask.experiment_id, {}).get(ask.resource), self._blocks[place].left
        free = None if taken is None else ask.limit - taken.held
        if free is not None and free < 0:
            return left > 0
        return left < ask.want and free != 0

    async def _grant(self, asks: list[Ask], *, calls_back: bool) -> None:
        if not asks:
            return
        holder = Holder(self.holder, self._length, calls_back)
        try:
            async with asyncio.timeout(self._patience + 0.1):
                grants = await asyncio.to_thread(grant_blocks, self._engine, holder, asks)
        except BaseException as error:
            self._doubtful.update((ask.experiment_id, ask.resource) for ask in asks)
            if isinstance(error, TimeoutError):
                raise UnavailableError("the database did not answer in time; try again") from error
            raise
        for grant in grants:
            self._note(grant)

    def _note(self, grant: Grant) -> None:
        place = grant.experiment_id, grant.resource
        block = self._blocks.get(place)
        if block is None or block.lease_id != grant.lease_id:
            if block is not None:
                del self._by_lease[block.lease_id]
            block = self._blocks[place] = self._by_lease[grant.lease_id] = Block(grant.lease_id, 0, 0)
        block.granted, block.used = grant.granted, grant.used
        self._doubtful.discard(place)


def _asks(demands: Demands) -> Iterable[Ask]:
    for limits, count in demands.values():
        for resource, limit in limits.totals.items():
            most = limits.most[resource]
            yield Ask(limits.experiment_id, resource, limit, count * most, most)
