"""The mapping table of Segment's calls as it stands."""

from typing import Any

from sqlalchemy import Engine

from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import ServiceSetting
from experiments.model.tracking import DEFAULT, NAME, as_setting
from experiments.store.core.engine import reading


def tracking(engine: Engine, principal: Principal) -> dict[str, Any]:
    """The table in force. Raises ForbiddenError."""
    require(principal, "read")
    with reading(engine) as session:
        row = session.get(ServiceSetting, NAME)
    return as_setting(DEFAULT) if row is None else row.value
