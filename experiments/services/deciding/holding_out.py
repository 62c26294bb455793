"""Who of the global holdout has asked: kept in memory until the next look at the database, which is soon."""

from threading import Lock

from sqlalchemy import Engine

from experiments.store.core.engine import transaction
from experiments.store.held_out import HeldOut, store_held_out

KEPT = 200_000
"""Units that are remembered, so that asking again costs nothing; after that many it starts over."""


class HeldOutAsks:
    """First asks of one process. `note` costs the hot path no statement; a kill loses those of one look at most."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[str] = set()
        self._waiting: list[HeldOut] = []
        self._lock = Lock()

    @property
    def waiting(self) -> bool:
        """Whether there is anything to store."""
        return bool(self._waiting)

    def knows(self, unit_id: str) -> bool:
        """Whether the unit was noted before."""
        return unit_id in self._known

    def note(self, unit_id: str, asked_at: int, matures_at: int) -> None:
        """The unit asked, and would have been decided for."""
        with self._lock:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known.add(unit_id)
            self._waiting.append(HeldOut(unit_id, asked_at, matures_at))

    def store(self) -> None:
        """Store what waits; what could not be stored waits on. Raises UnavailableError."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        try:
            with transaction(self._engine) as session:
                store_held_out(session.connection(), taken)
        except BaseException:
            with self._lock:
                self._waiting = taken + self._waiting
            raise
