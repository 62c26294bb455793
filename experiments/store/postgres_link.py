"""One PostgreSQL connection of the hot path: opened when needed, given up after any trouble, never waited for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from experiments.errors import UnavailableError

# Parsing and compiling plans for one row costs more than the row.
_SETTINGS = {"jit": "off", "timezone": "UTC", "application_name": "winback"}
_GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError)
_BUSY = (asyncpg.InsufficientResourcesError, asyncpg.LockNotAvailableError, asyncpg.SerializationError)


class PostgresLink:
    """A connection for one user at a time. `patience` bounds, in seconds, all that happens in one `use`."""

    def __init__(self, url: str, patience: float) -> None:
        self._url, self._patience = url, patience
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether somebody uses it now."""
        return self._lock.locked()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[asyncpg.Connection]:
        """The connection. Raises UnavailableError where it is away, breaks, or takes longer than the patience."""
        try:
            async with asyncio.timeout(self._patience), self._lock:
                yield await self._open()
        except (TimeoutError, *_GONE, *_BUSY) as error:
            self._give_up()
            raise UnavailableError("the database is away; try again") from error
        except asyncio.CancelledError:
            self._give_up()
            raise

    async def close(self) -> None:
        """Close the connection in peace."""
        async with self._lock:
            if self._connection is not None and not self._connection.is_closed():
                await self._connection.close(timeout=self._patience)
            self._connection = None

    async def _open(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url, timeout=self._patience, server_settings=_SETTINGS)
        return self._connection

    def _give_up(self) -> None:
        """What an interrupted exchange left on the line would be read as the answer to the next question."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
