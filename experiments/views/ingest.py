"""What comes in and what goes out: imports, dead letters, messages that wait, outcomes by class."""

from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlmodel import col, select

from experiments.model.access.principal import Principal, require
from experiments.model.tables.profiles import Import
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading

Document = dict[str, Any]
LATEST = 50
COUNTED = 50_000
"""Latest outcomes that are counted by class; no index leads to the time of their receipt."""

_WAITING = "SELECT topic, count(*), min(created_at) FROM outbox_messages GROUP BY topic ORDER BY topic"
_CLASSES = """
SELECT outcome_class, count(*) FROM outcomes WHERE id > (SELECT coalesce(max(id), 0) - :latest FROM outcomes)
GROUP BY outcome_class ORDER BY outcome_class
"""
_DEAD = "SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL"


def traffic(engine: Engine, principal: Principal) -> Document:
    """`{outbox: [{topic, waiting, oldest}], outcomes: {class: count}, dead_letters}`; of the latest 50,000 outcomes.

    Raises ForbiddenError.
    """
    require(principal, "read")
    with reading(engine) as session:
        connection = session.connection()
        return {
            "outbox": _outbox(connection),
            "outcomes": _counted(connection),
            "dead_letters": int(connection.execute(text(_DEAD)).scalar_one()),
        }


def _outbox(connection: Connection) -> list[Document]:
    found = connection.execute(text(_WAITING))
    return [{"topic": topic, "waiting": count, "oldest": to_rfc3339(oldest)} for topic, count, oldest in found]


def _counted(connection: Connection) -> dict[str, int]:
    found = connection.execute(text(_CLASSES), {"latest": COUNTED})
    return {name: int(count) for name, count in found}


def imports(engine: Engine, principal: Principal) -> list[Document]:
    """The latest 50 imports, newest first. Raises ForbiddenError."""
    require(principal, "read")
    with reading(engine) as session:
        rows = session.exec(select(Import).order_by(col(Import.id).desc()).limit(LATEST)).all()
    return [_import(row) for row in rows]


def _import(row: Import) -> Document:
    return {
        "id": row.id,
        "kind": row.kind,
        "source": row.source,
        "status": row.status,
        "read": row.read,
        "accepted": row.accepted,
        "rejected": row.rejected,
        "duplicates": row.duplicates,
        "started_at": to_rfc3339(row.started_at),
        "finished_at": None if row.finished_at is None else to_rfc3339(row.finished_at),
    }
