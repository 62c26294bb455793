"""The mapping table of Segment's calls, as one process uses it and as people change it."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from experiments.errors import InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import ServiceSetting
from experiments.model.tracking import DEFAULT, NAME, Table, as_table, table_faults
from experiments.store import audit
from experiments.store.core.engine import reading, transaction

FRESH = 2.0
"""Seconds after which a changed table is used everywhere."""


class Tracking:
    """The table in force, for one process; looked up again every FRESH seconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._table, self._until = DEFAULT, 0.0

    def fresh(self) -> Table | None:
        """The table, where it was looked up a moment ago. Never blocks."""
        return self._table if time.monotonic() < self._until else None

    def table(self) -> Table:
        """The table. Raises UnavailableError. May ask the database."""
        found = self.fresh()
        if found is None:
            with reading(self._engine) as session:
                row = session.get(ServiceSetting, NAME)
            found = self._table = DEFAULT if row is None else as_table(row.value)
            self._until = time.monotonic() + FRESH
        return found

    def forget(self) -> None:
        """Look it up at the next call."""
        self._until = 0.0


def set_tracking(engine: Engine, principal: Principal, wish: Mapping[str, Any]) -> None:
    """Replace the table. Raises ForbiddenError without the scope `admin`, InvalidError."""
    require(principal, "admin")
    faults = table_faults(wish)
    if faults:
        raise InvalidError(faults)
    with transaction(engine) as session:
        row = session.get(ServiceSetting, NAME, with_for_update=True) or ServiceSetting(name=NAME, value={})
        row.value = dict(wish)
        session.add(row)
        audit.append(session, principal, "settings.tracking", NAME, dict(wish))
