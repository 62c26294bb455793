"""Only one worker acts at a time; a second one waits, and takes over when the first dies.

On PostgreSQL the advisory lock of a connection decides, and falls with it. On SQLite the lease in the row decides, and
runs out. On both every write checks the row's token, so that a worker that slept through its own succession is refused.
"""

import os
import secrets
import socket
from time import monotonic

import structlog
from sqlalchemy import Engine

from experiments.errors import LeaseLostError, UnavailableError
from experiments.model.times import SECOND
from experiments.settings import Settings
from experiments.store.core import lease as leases
from experiments.store.core.lease import AdvisoryLock, Lease

_log = structlog.get_logger("winback.leasing")


class Leaseholder:
    """This process's claim to be the worker."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._engine, self._seconds = engine, settings.lease_seconds
        self._lease: Lease | None = None
        self._renewed = 0.0
        self._lock = AdvisoryLock(engine) if engine.dialect.name == "postgresql" else None

    def hold(self) -> Lease | None:
        """The lease, taken or renewed where it is time to; None while another worker holds it."""
        if self._lease is None:
            self._lease = self._take()
        elif monotonic() - self._renewed > self._seconds / 3:
            self._renew(self._lease)
        return self._lease

    def lost(self) -> None:
        """Forget the lease: another worker has it, or it may have been lost with a connection."""
        self._lease = None
        if self._lock is not None:
            self._lock.let_go()

    def release(self) -> None:
        """Let another worker act at once."""
        if self._lease is not None:
            leases.let_go(self._engine, self._lease)
            if self._lock is not None:
                self._lock.unlock()
        self.lost()

    def _take(self) -> Lease | None:
        if self._lock is not None and not self._lock.try_lock():
            return None
        # Who holds PostgreSQL's lock knows that the holder before is gone, whatever the row still says.
        lease = leases.take(self._engine, self.name, int(self._seconds * SECOND), at_once=self._lock is not None)
        if lease is not None:
            self._renewed = monotonic()
            _log.info("acting", holder=self.name, token=lease.token)
        return lease

    def _renew(self, lease: Lease) -> None:
        if self._lock is not None:
            try:
                self._lock.check()
            except UnavailableError as error:
                raise LeaseLostError("the connection that held the lock is gone") from error
        with leases.fenced(self._engine, lease):
            pass
        self._renewed = monotonic()
