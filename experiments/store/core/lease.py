"""The row that says which worker may act. Its token rises with every new holder and fences the old one's writes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from experiments.errors import LeaseLostError, UnavailableError
from experiments.model.times import SECOND, now
from experiments.store.core.bulk import is_sqlite
from experiments.store.core.engine import transaction, unavailable_when_gone
from experiments.store.core.locks import Lock

NAME = "worker"

_FIND = "SELECT holder, token, expires_at FROM worker_leases WHERE name = :name"
_CREATE = "INSERT INTO worker_leases (name, holder, token, expires_at) VALUES (:name, :holder, 1, :expires_at)"
_TAKE = "UPDATE worker_leases SET holder = :holder, token = token + 1, expires_at = :expires_at WHERE name = :name"
_PROLONG = "UPDATE worker_leases SET expires_at = :expires_at WHERE name = :name AND token = :token"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act, for as long as nobody holds a higher token; every transaction prolongs it by `length`."""

    holder: str
    token: int
    length: int = 10 * SECOND


class AdvisoryLock:
    """PostgreSQL's session lock on a connection of its own; it falls with the connection, so a dead worker lets go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def try_lock(self) -> bool:
        """Whether it is ours now. Raises UnavailableError."""
        with unavailable_when_gone():
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            return bool(self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": Lock.WORKER.value}))

    def check(self) -> None:
        """Raises UnavailableError where the connection is gone, and the lock with it."""
        with unavailable_when_gone():
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))

    def unlock(self) -> None:
        """Others may lock at once: a closed connection's lock falls only when the server notices."""
        with suppress(UnavailableError), unavailable_when_gone():
            if self._connection is not None:
                self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": Lock.WORKER.value})

    def let_go(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def take(engine: Engine, holder: str, microseconds: int, *, at_once: bool) -> Lease | None:
    """The lease, where nobody holds an unexpired one; `at_once`: whoever held it is known to be gone."""
    with transaction(engine) as session:
        connection = session.connection()
        found = connection.execute(text(_FIND + _for_update(connection)), {"name": NAME}).first()
        values = {"name": NAME, "holder": holder, "expires_at": now() + microseconds}
        if found is None:
            connection.execute(text(_CREATE), values)
            return Lease(holder, 1, microseconds)
        if found.expires_at > now() and not at_once:
            return None
        connection.execute(text(_TAKE), values)
        return Lease(holder, found.token + 1, microseconds)


def let_go(engine: Engine, lease: Lease) -> None:
    """Let another worker act at once. Raises LeaseLostError."""
    with fenced(engine, replace(lease, length=0)):
        pass


@contextmanager
def fenced(engine: Engine, lease: Lease) -> Iterator[Session]:
    """A transaction that only the holder of the newest token can commit; it prolongs the lease. Raises LeaseLostError.

    The row stays locked until the commit, so that the token cannot rise before it.
    """
    with transaction(engine) as session:
        values = {"name": NAME, "token": lease.token, "expires_at": now() + lease.length}
        if session.connection().execute(text(_PROLONG), values).rowcount != 1:
            raise LeaseLostError(f"token {lease.token} of {lease.holder} was superseded")
        yield session


def _for_update(connection: Connection) -> str:
    return "" if is_sqlite(connection) else " FOR UPDATE"
