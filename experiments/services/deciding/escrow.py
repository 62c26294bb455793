"""This process's blocks of the totals: used between the draw and the commit, topped up before a batch is computed."""

import asyncio
import os
import secrets
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from experiments.errors import UnavailableError
from experiments.model.limit_plan import LimitPlan, Use
from experiments.model.times import SECOND, now
from experiments.store.limits import Ask, Grant, grant_blocks, return_blocks
from experiments.store.limits_ledger import Ledger, LimitsKnown, Taken


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


class Escrow:
    """The blocks of one process. Not for several threads: the event loop's alone.

    A lease lasts `seconds` after its last use; `patience` bounds the wait for more.
    """

    def __init__(self, engine: Engine, seconds: float, patience: float) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._engine, self._length, self._patience = engine, int(seconds * SECOND), patience
        self._blocks: dict[tuple[int, str], Block] = {}
        self._by_lease: dict[int, Block] = {}

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
                    block.pending = max(block.pending - amount, 0)
                    block.used += amount if stored else 0

    def forget(self) -> None:
        """What is known here is not what is true: ask again."""
        self._blocks.clear()
        self._by_lease.clear()

    async def top_up(self, demands: Mapping[int, tuple[LimitPlan, int]], known: LimitsKnown) -> None:
        """Make sure of what so many decisions may need of each experiment's totals, as far as there is any left.

        Raises UnavailableError.
        """
        asks = [ask for limits, count in demands.values() for ask in self._asks(limits, count, known)]
        if not asks:
            return
        try:
            async with asyncio.timeout(self._patience + 0.1):
                grants = await asyncio.to_thread(grant_blocks, self._engine, (self.holder, self._length), asks)
        except TimeoutError as error:
            raise UnavailableError("the database did not answer in time; try again") from error
        for grant in grants:
            self._note(grant)

    async def close(self) -> None:
        """Give back what was not used."""
        if self._blocks:
            await asyncio.to_thread(return_blocks, self._engine, self.holder)
            self.forget()

    def _asks(self, limits: LimitPlan, count: int, known: LimitsKnown) -> Iterable[Ask]:
        taken = known.taken.get(limits.experiment_id, {})
        for resource, limit in limits.totals.items():
            left = self.left(limits.experiment_id, resource)
            free = None if resource not in taken else limit - taken[resource]
            want = count * limits.most[resource] - left
            if free is not None and free <= 0 and not (free < 0 < left):
                continue
            if want > 0 or (free is not None and free < 0) or (limits.experiment_id, resource) not in self._blocks:
                yield Ask(limits.experiment_id, resource, limit, max(want, 0))

    def _note(self, grant: Grant) -> None:
        place = grant.experiment_id, grant.resource
        block = self._blocks.get(place)
        if block is None or block.lease_id != grant.lease_id:
            block = self._blocks[place] = self._by_lease[grant.lease_id] = Block(grant.lease_id, 0, 0)
        block.granted, block.used = grant.granted, grant.used
