"""What was done to an experiment and what happened to it, in order: the remarks on every trend."""

import json
from typing import Any

from sqlalchemy import Engine, or_
from sqlmodel import col, select

from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import AuditEntry
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find

LATEST = 200
SHOWN = ("experiment.", "arm.", "variant.", "guardrail.", "rollups.")
"""Beginnings of the actions that readers of a campaign should know; who did them stays in the audit log."""


def timeline(engine: Engine, principal: Principal, key: str) -> dict[str, Any]:
    """`{items: [{at, action, target, detail}]}`, the latest 200, oldest first. Raises ForbiddenError, NotFoundError."""
    require(principal, "read")
    of_it = or_(col(AuditEntry.target) == key, col(AuditEntry.target).startswith(f"{key}/", autoescape=True))
    with reading(engine) as session:
        find(session, key)
        query = select(AuditEntry).where(of_it).order_by(col(AuditEntry.id).desc()).limit(LATEST)
        found = [row for row in session.exec(query) if row.action.startswith(SHOWN)]
    return {
        "experiment": key,
        "items": [
            {
                "at": to_rfc3339(row.at),
                "action": row.action,
                "target": row.target.partition("/")[2],
                "detail": _told(json.loads(row.detail)),
            }
            for row in reversed(found)
        ],
    }


def _told(detail: dict[str, Any]) -> dict[str, Any]:
    """Without the whole definition, which the revisions hold."""
    return {name: value for name, value in detail.items() if name != "definition"}
