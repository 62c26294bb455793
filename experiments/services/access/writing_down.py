"""What a process notes in memory and writes down now and then, so that a request need not wait for it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio.to_thread

from experiments.errors import UnavailableError

Store = Callable[[], None]


class WritingDown:
    """Calls each of the stores every so many seconds, and once more at the end. Raises nothing."""

    def __init__(self, stores: Sequence[Store], every: float) -> None:
        self._stores, self._every = stores, every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the event loop that runs."""
        self._task = asyncio.create_task(self._keep(), name="winback-notes")

    async def close(self) -> None:
        """Write down what is left."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._store()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._store()

    async def _store(self) -> None:
        for store in self._stores:
            with suppress(UnavailableError):  # what was noted is kept until the next time
                await anyio.to_thread.run_sync(store)
