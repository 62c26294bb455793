"""When each key was last used: noted in memory as keys are looked up, written down now and then."""

import threading

from sqlalchemy import Engine, bindparam, or_, update
from sqlmodel import col

from experiments.model.tables.credentials import ApiKey
from experiments.model.times import SECOND, now
from experiments.store.core.engine import transaction

MOST_ADDRESSES = 50
"""Addresses that are remembered of a key; the longest known are forgotten first."""
EVERY = 30.0
"""Seconds between writes; a process that is killed forgets what it noted since."""


class KeyUsage:
    """What one process noted; safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._used: dict[int, int] = {}
        self._addresses: dict[int, list[str]] = {}

    def note(self, key: ApiKey, address: str) -> bool:
        """The key was used just now. Whether it was used before, and never from this address."""
        number = key.id or 0
        with self._lock:
            self._used[number] = now()
            known = self._addresses.get(number) or key.addresses.split()
            if not address or address in known:
                return False
            self._addresses[number] = [*known, address][-MOST_ADDRESSES:]
            return bool(known)

    def store(self) -> None:
        """Write down what was noted. Raises UnavailableError; what was noted is kept then."""
        with self._lock:
            used, self._used = self._used, {}
            addresses, self._addresses = self._addresses, {}
        if not used:
            return
        places = [{"key": key, "addresses": " ".join(known)} for key, known in addresses.items()]
        rows = [{"key": key, "at": at} for key, at in used.items()]
        try:
            with transaction(self._engine) as session:
                session.connection().execute(_LATER, rows)
                if places:
                    session.connection().execute(_FROM, places)
        except BaseException:
            with self._lock:
                self._used = {**used, **self._used}
                self._addresses = {**addresses, **self._addresses}
            raise


_FROM = update(ApiKey).where(col(ApiKey.id) == bindparam("key")).values(addresses=bindparam("addresses"))
_SLACK = SECOND
"""A later instant by less than this is not worth a write."""
_LATER = (
    update(ApiKey)
    .where(
        col(ApiKey.id) == bindparam("key"),
        or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) < bindparam("at") - _SLACK),
    )
    .values(last_used_at=bindparam("at"))
)
