"""Open what one API process needs, and close it again."""

from dataclasses import dataclass

from sqlalchemy import Engine

import migrations
from experiments.services.authenticating import Gate
from experiments.settings import Settings
from experiments.store.engine import engine_for, reading


@dataclass(slots=True)
class Service:
    """What the doors hold on to. The engine belongs to it; `close` gives everything back."""

    settings: Settings
    engine: Engine
    gate: Gate

    async def start(self) -> None:
        """Load what decisions need and begin to look for changes."""

    async def refresh(self) -> None:
        """Look for changes now."""

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        self.engine.dispose()

    def readiness(self) -> dict[str, bool]:
        """What must hold before traffic comes. Raises UnavailableError where the database is away."""
        with reading(self.engine) as session:
            return {"database": True, "migrations": migrations.is_current(session.connection())}


def open_service(settings: Settings) -> Service:
    """A service over the configured database; nothing is started yet."""
    engine = engine_for(settings)
    return Service(settings, engine, Gate(engine))
