"""Which processes are at a place: whoever puts a backup there must be alone.

Every process holds a lock that falls with it, however it ends: on SQLite on a file of the data directory, on PostgreSQL
on a connection of its own. Nothing that is asked of a process waits for either.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from threading import Event, Thread

import psycopg

from experiments.errors import ConflictError
from experiments.model.times import SECOND, now
from experiments.settings import Settings
from experiments.store.core.engine import plain_url
from experiments.store.core.locks import Lock

_EVERY = 5.0
"""Seconds after which a connection that was lost is made anew."""

_PATIENCE = 2
_SHARED = "SELECT pg_try_advisory_lock_shared(%s)"
_ALONE = "SELECT pg_try_advisory_lock(%s)"
_BUSY = (
    "a process of the service (API, worker, dashboard or a command) is running over this place: stop it, and restore "
    "then; one that was killed keeps nobody waiting"
)
_UNDER_WAY = "a backup is being put in this place; start again when that is done"
_LEASE = "SELECT expires_at FROM worker_leases WHERE name = 'worker'"


@contextmanager
def present(settings: Settings) -> Iterator[None]:
    """Be seen over the configured place. Raises ConflictError while a backup is put there."""
    if settings.is_sqlite:
        with _file_lock(settings, LOCK_SH, _UNDER_WAY):
            yield
        return
    ended = Event()
    held = _connected(settings)
    keeper = Thread(target=_keep, args=(settings, held, ended), name="presence", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Have the configured place to oneself. Raises ConflictError where anybody is there, with what to do."""
    if settings.is_sqlite:
        with _file_lock(settings, LOCK_EX, _BUSY):
            _refuse_lease(settings)
            yield
        return
    with psycopg.connect(plain_url(settings.database_url), autocommit=True) as connection:
        for lock in (Lock.SERVING, Lock.WORKER):
            if not _taken(connection, _ALONE, lock):
                raise ConflictError(_BUSY)
        yield


@contextmanager
def _file_lock(settings: Settings, how: int, refused: str) -> Iterator[None]:
    place = settings.history_path / "locks" / "serving.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w") as held:
        try:
            flock(held, how | LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(refused) from error
        yield


def _refuse_lease(settings: Settings) -> None:
    """A worker on another machine holds no lock of this one's files; its lease is in the database."""
    if not settings.sqlite_path.exists():
        return
    expires_at = None
    with closing(sqlite3.connect(settings.sqlite_path)) as connection, suppress(sqlite3.DatabaseError):
        expires_at = (connection.execute(_LEASE).fetchone() or (None,))[0]
    left = 0 if expires_at is None else (expires_at - now()) / SECOND
    if left > 0:
        raise ConflictError(
            f"a worker acts over this place, or was killed a moment ago: stop it if it runs. Its lease ends by itself "
            f"in {left:.0f} seconds; restore after that"
        )


def _connected(settings: Settings) -> psycopg.Connection | None:
    """A connection that holds the lock; None where the database is away."""
    try:
        connection = psycopg.connect(
            plain_url(settings.database_url), autocommit=True, connect_timeout=_PATIENCE, tcp_user_timeout=5000
        )
    except psycopg.OperationalError:
        return None
    if not _taken(connection, _SHARED, Lock.SERVING):
        connection.close()
        raise ConflictError(_UNDER_WAY)
    return connection


def _taken(connection: psycopg.Connection, query: str, lock: Lock) -> bool:
    (is_taken,) = connection.execute(query, (lock.value,)).fetchone() or (False,)
    return bool(is_taken)


def _keep(settings: Settings, held: psycopg.Connection | None, ended: Event) -> None:
    """Until the end; a database that was restarted has forgotten who was there."""
    while not ended.wait(_EVERY):
        try:
            if held is not None:
                held.execute("SELECT 1")
        except psycopg.OperationalError:
            if held is not None:
                held.close()  # one that is left open says so when it is thrown away
            held = None
        if held is None:
            with suppress(ConflictError, psycopg.OperationalError):
                held = _connected(settings)
    if held is not None:
        held.close()
