"""Settings of the whole service."""

import secrets

from sqlalchemy import Engine

from experiments.errors import Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import ServiceSetting
from experiments.model.times import now
from experiments.store import audit
from experiments.store.core.engine import transaction


def set_global_holdout(engine: Engine, principal: Principal, share: float) -> None:
    """Keep this share of all units outside every experiment. A larger share keeps everybody who was in it before.

    Raises ForbiddenError without the scope `admin`, InvalidError unless 0 ≤ share < 1.
    """
    require(principal, "admin")
    if not 0.0 <= share < 1.0:
        raise InvalidError([Fault("/share", "must be at least 0 and below 1")])
    with transaction(engine) as session:
        row = session.get(ServiceSetting, "global_holdout", with_for_update=True)
        salt = secrets.token_hex(32) if row is None else row.value["salt"]
        before = 0.0 if row is None else row.value["share"]
        row = row or ServiceSetting(name="global_holdout", value={})
        earlier = row.value.get("history", []) if row.value else []
        row.value = {"share": share, "salt": salt, "history": [*earlier, {"since": now(), "share": share}]}
        session.add(row)
        audit.append(
            session, principal, "settings.global-holdout", "global_holdout", {"before": before, "after": share}
        )
