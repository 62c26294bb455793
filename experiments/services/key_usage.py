"""When each key was last used: noted in memory as keys are looked up, written down now and then."""

import threading

from sqlalchemy import Engine, bindparam, or_, update
from sqlmodel import col

from experiments.model.tables import ApiKey
from experiments.model.times import SECOND, now
from experiments.store.engine import transaction

EVERY = 30.0
"""Seconds between writes; a process that is killed forgets what it noted since."""


class KeyUsage:
    """What one process noted; safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._used: dict[int, int] = {}

    def note(self, key_id: int) -> None:
        """The key was used just now."""
        with self._lock:
            self._used[key_id] = now()

    def store(self) -> None:
        """Write down what was noted. Raises UnavailableError; what was noted is kept then."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        rows = [{"key": key, "at": at} for key, at in used.items()]
        try:
            with transaction(self._engine) as session:
                session.connection().execute(_LATER, rows)
        except BaseException:
            with self._lock:
                self._used = {**used, **self._used}
            raise


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
