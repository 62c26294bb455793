"""One PostgreSQL connection of the hot path: opened when needed, given up after any trouble, never waited for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from experiments.errors import UnavailableError

# Parsing and compiling plans for one row costs more than the row.
_SETTINGS = {"jit": "off", "timezone": "UTC", "application_name": "winback"}
_GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    # What asyncpg says of a connection that was cut while it was idle.
    asyncpg.InternalClientError,
)
_BUSY = (asyncpg.InsufficientResourcesError, asyncpg.LockNotAvailableError, asyncpg.SerializationError)

Result = TypeVar("Result")
Work = Callable[[asyncpg.Connection], Awaitable[Result]]


class PostgresLink:
    """A connection for one user at a time. `patience` bounds, in seconds, all that one `run` may take."""

    def __init__(self, url: str, patience: float) -> None:
        self._url, self._patience = url, patience
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether somebody uses it now."""
        return self._lock.locked()

    async def run(self, work: Work[Result]) -> Result:
        """The result of `work(connection)`, which may be done twice: where the server was restarted meanwhile, the
        connection that was kept turns out to be dead only now.

        Raises UnavailableError where the database is away, breaks off, or takes longer than the patience.
        """
        try:
            async with asyncio.timeout(self._patience), self._lock:
                if self._connection is not None and not self._connection.is_closed():
                    try:
                        return await work(self._connection)
                    except _GONE:
                        self._give_up()
                return await work(await self._open())
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
        self._give_up()
        self._connection = await asyncpg.connect(self._url, timeout=self._patience, server_settings=_SETTINGS)
        return self._connection

    def _give_up(self) -> None:
        """What an interrupted exchange left on the line would be read as the answer to the next question."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
