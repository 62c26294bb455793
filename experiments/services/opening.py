"""Open what one API process needs, and close it again."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Engine

import migrations
from experiments.errors import UnavailableError
from experiments.model.access.rate_limits import RateLimit
from experiments.services.access.key_usage import EVERY
from experiments.services.access.keys import Gate
from experiments.services.access.watching import Watch
from experiments.services.access.writing_down import WritingDown
from experiments.settings import Settings
from experiments.store.core.engine import engine_for, reading

if TYPE_CHECKING:
    from experiments.services.hot_path import HotPath


@dataclass(slots=True)
class Service:
    """What the doors hold on to. The engines belong to it; `close` gives everything back.

    Attributes:
        reports: for reads that calculate: statements may take `report_timeout`, and however many there are, they take
            no connection from those who decide.
    """

    settings: Settings
    engine: Engine
    reports: Engine
    gate: Gate
    watch: Watch
    _hot: "HotPath | None" = field(default=None, init=False)
    _notes: WritingDown | None = field(default=None, init=False)

    async def start(self) -> None:
        """Load what decisions need and begin to look for changes."""
        from experiments.services.hot_path import HotPath  # with every policy: commands that decide nothing go without

        self._hot = HotPath(self.settings, self.engine)
        await self._hot.start()
        self._notes = WritingDown([self.gate.usage.store, self.watch.store, self.watch.look], EVERY)
        self._notes.start()

    @property
    def hot(self) -> "HotPath":
        """Deciding and recording. Raises UnavailableError before the start."""
        if self._hot is None:
            raise UnavailableError("the service is starting; try again")
        return self._hot

    async def refresh(self) -> None:
        """Look for changes now."""
        if self._hot is not None:
            await self._hot.runtime.refresh()

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        if self._hot is not None:
            await self._hot.close()
        if self._notes is not None:
            await self._notes.close()
        self.engine.dispose()
        self.reports.dispose()

    def readiness(self) -> dict[str, bool]:
        """What must hold before traffic comes. Raises UnavailableError where the database is away."""
        loaded = self._hot is not None and self._hot.runtime.is_loaded
        with reading(self.engine) as session:
            current = migrations.is_current(session.connection())
        return {"database": True, "migrations": current, "experiments": loaded}


def open_service(settings: Settings) -> Service:
    """A service over the configured database; nothing is started yet."""
    engine = engine_for(settings)
    reports = engine_for(settings.model_copy(update={"database_timeout": settings.report_patience}))
    limit = None if settings.key_rate_limit is None else RateLimit.parse(settings.key_rate_limit)
    watch = Watch(engine)
    return Service(settings, engine, reports, Gate(engine, watch, limit), watch)
