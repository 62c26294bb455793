"""Where the database is, and what a transaction is. The same code on SQLite and PostgreSQL.

Reading takes a snapshot; writing on SQLite takes the one write lock at once (BEGIN IMMEDIATE), because a transaction
that reads first and is upgraded later fails without waiting. A database that is away is UnavailableError.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

from experiments.errors import ConflictError, UnavailableError
from experiments.settings import Settings
from experiments.store.core.audit_seal import OPTION, Seal
from experiments.store.core.locks import Lock

PATIENCE = 5.0
"""Seconds that background work waits for a lock; a request waits `settings.database_timeout`."""

# A server that vanished without a word is noticed within seconds instead of after two hours.
_NOTICE_SILENCE = {"tcp_user_timeout": 5000, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}

_GONE = (OperationalError, InterfaceError, PoolTimeoutError)
_WRITES = "winback_writes"


def driver_url(database_url: str) -> URL:
    """The URL with the synchronous driver in it: sqlite3 or psycopg 3."""
    url = make_url(database_url)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url.set(drivername="sqlite")


def plain_url(database_url: str) -> str:
    """The URL as the database's own client takes it."""
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def engine_for(settings: Settings, *, patient: bool = False) -> Engine:
    """A fresh engine with a pool of its own; `dispose()` it at the end.

    `patient` is for background work: it may wait PATIENCE seconds for locks and has no limit on a statement.
    """
    url = driver_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        engine = _sqlite(url, PATIENCE if patient else settings.database_timeout)
    else:
        engine = _postgresql(url, None if patient else settings.database_timeout)
    engine.update_execution_options(**{OPTION: Seal(settings.history_path, settings.audit_key)})
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits at the end, or undoes everything where an exception leaves it.

    Raises UnavailableError where the database is away or stays locked, ConflictError where another transaction was
    first to write what may exist only once.
    """
    with unavailable_when_gone(), Session(_for_writing(engine), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading only, on one consistent state of the database. Raises UnavailableError as above."""
    with unavailable_when_gone(), Session(_for_reading(engine), expire_on_commit=False) as session:
        yield session


def hold(session: Session, lock: Lock) -> None:
    """Wait for a lock and hold it until the transaction ends; SQLite's one writer needs none."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock.value})


def share(connection: Connection, lock: Lock) -> None:
    """The same beside others who share it; it waits for who holds it alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": lock.value})


def _for_writing(engine: Engine) -> Engine:
    return engine.execution_options(**{_WRITES: True})


def _for_reading(engine: Engine) -> Engine:
    """What SQLite's transactions are by themselves: every statement sees the same state."""
    return engine.execution_options(isolation_level="REPEATABLE READ") if engine.name == "postgresql" else engine


@contextmanager
def unavailable_when_gone() -> Iterator[None]:
    """Turn what drivers say of a database that is away into UnavailableError, of a lost race into ConflictError."""
    try:
        yield
    except _GONE as error:
        raise UnavailableError("the database is away; try again") from error
    except IntegrityError as error:
        raise ConflictError("somebody else did the same at the same time") from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise UnavailableError("the database went away; try again") from error


def _sqlite(url: URL, patience: float) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": patience}, pool_timeout=patience)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver's own implicit BEGIN comes too late and never immediate: transactions are opened by _begin_sqlite.
    connection.isolation_level = None
    # Mapped pages need no system call each: a readout reads ten thousand.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "mmap_size = 268435456"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL, patience: float | None) -> Engine:
    options = "-c timezone=UTC"
    if patience is not None:
        options += f" -c statement_timeout={math.ceil(patience * 1000)} -c lock_timeout={math.ceil(patience * 1000)}"
    return create_engine(
        url,
        connect_args={"connect_timeout": 2, "options": options, **_NOTICE_SILENCE},
        pool_pre_ping=True,
        pool_timeout=patience or PATIENCE,
    )
