"""The one thread of a process that writes to the embedded database, and connections that notice a file gone."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from experiments.errors import UnavailableError

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

STATEMENTS_KEPT = 512


class SqliteFile:
    """A connection to the file, opened when needed and given up where the file is not the same any more.

    SQLite goes on writing to a file that was removed, and nobody would ever read it: each use compares the inode.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path, self._patience = path, patience
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    def connection(self) -> sqlite3.Connection:
        """Raises UnavailableError where there is no such file."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - a Path would double the cost of the check
        except OSError as error:
            self.close()
            raise UnavailableError("the database's file is not there; try again") from error
        if self._connection is None or self._inode != (found.st_dev, found.st_ino):
            self.close()
            self._connection = self._open()
            self._inode = (found.st_dev, found.st_ino)
        return self._connection

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{self._path}?mode=rw",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection


class SqliteThread:
    """Runs pieces of work, each in its own transaction that holds the write lock, one after the other."""

    def __init__(self, path: Path, patience: float) -> None:
        self._file = SqliteFile(path, patience)
        self._work: SimpleQueue[tuple[Work[Any], asyncio.Future[Any], asyncio.AbstractEventLoop] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="winback-sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Work[Result]) -> Result:
        """The result of `work(connection)` once it is committed. Raises UnavailableError where it could not be."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._work.put((work, done, loop))
        # A caller that goes away must not keep the others in its batch from their answers.
        return await asyncio.shield(done)

    async def close(self) -> None:
        """End the thread after what is queued."""
        self._work.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            work, done, loop = item
            try:
                result = self._commit(work)
            except BaseException as error:  # whatever it is belongs to the one who waits
                _tell(loop, _refuse, done, error)
            else:
                _tell(loop, _resolve, done, result)
        self._file.close()

    def _commit(self, work: Work[Result]) -> Result:
        try:
            connection = self._file.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._file.close()
            raise UnavailableError("the database could not be written; try again") from error
        return result


def _tell(loop: asyncio.AbstractEventLoop, verb: Callable[..., None], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(verb, *arguments)
    except RuntimeError:  # the loop has ended: nobody waits any more
        return


def _resolve(done: asyncio.Future[Any], result: Any) -> None:
    if not done.done():
        done.set_result(result)


def _refuse(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
