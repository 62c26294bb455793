"""Put deciding and recording together over the configured database, and take them apart in peace."""

import asyncio
from contextlib import suppress

from sqlalchemy import Engine

from experiments.errors import UnavailableError
from experiments.services.deciding.decider import Decider
from experiments.services.deciding.limit_leases import LimitLeases
from experiments.services.deciding.runtime import Runtime
from experiments.services.recording.intake import Intake
from experiments.services.recording.recorder import Recorder
from experiments.services.tracking.settings import Tracking
from experiments.settings import Settings
from experiments.store.deciding.decision_log import DecisionLog
from experiments.store.deciding.decision_log_sqlite import SqliteDecisionLog

POSTGRES_LANES = 2
"""Batches under way at once on PostgreSQL, whose answers take longer than computing; SQLite has one writer."""


class HotPath:
    """One process's share of deciding and recording."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self.runtime = Runtime(engine, settings.database_timeout)
        self.log = _log_for(settings)
        self.leases = LimitLeases(engine, settings.lease_seconds, settings.database_timeout)
        self.decider = Decider(self.runtime, self.log, self.leases, lanes=1 if settings.is_sqlite else POSTGRES_LANES)
        self.recorder = Recorder(Intake(engine), settings.database_timeout)
        self.tracking = Tracking(engine)
        self._poll: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what decisions need and begin to serve."""
        await self.runtime.start()
        self.decider.start()
        self.recorder.start()
        self._poll = asyncio.create_task(self.runtime.keep_fresh(self._settings.snapshot_poll), name="winback-poll")

    async def close(self) -> None:
        """Answer what is under way, then let go of the database."""
        if self._poll is not None:
            self._poll.cancel()
            with suppress(asyncio.CancelledError):
                await self._poll
        await self.decider.close()
        with suppress(UnavailableError):
            await self.runtime.store_held_out()
        with suppress(UnavailableError):  # what is not given back now is when the leases run out
            await self.leases.close()
        await self.recorder.close()
        await self.log.close()


def _log_for(settings: Settings) -> DecisionLog:
    if settings.is_sqlite:
        return SqliteDecisionLog(settings.sqlite_path, settings.database_timeout)
    from experiments.store.deciding.decision_log_postgres import (
        PostgresDecisionLog,  # with a driver that SQLite needs not
    )

    return PostgresDecisionLog(settings.database_url, settings.database_timeout, POSTGRES_LANES)
