"""A gate for the tasks of one event loop: many may be inside together, or one alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Who waits to be alone keeps newcomers out, so that its turn comes. Who is inside must not enter again."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._inside, self._waiting, self._alone = 0, 0, False

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Inside with others who are."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone and not self._waiting)
            self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            await self._tell()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Inside with nobody else."""
        self._waiting += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._alone and not self._inside)
                self._alone = True
        finally:
            self._waiting -= 1
            if not self._alone:
                await self._tell()
        try:
            yield
        finally:
            self._alone = False
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
