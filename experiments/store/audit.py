"""The audit log's own rules: appended in the transaction of the change, each entry sealed with the one before."""

import hashlib
import json
from typing import Any

from sqlmodel import Session, col, select

from experiments.model.principal import Principal
from experiments.model.tables import AuditEntry
from experiments.model.times import now
from experiments.store.engine import hold
from experiments.store.locks import Lock

GENESIS = "0" * 64


def append(session: Session, principal: Principal, action: str, target: str, detail: dict[str, Any]) -> None:
    """Add an entry as the last thing of a transaction (it holds a lock until the commit)."""
    hold(session, Lock.AUDIT)
    last = session.exec(select(AuditEntry.digest).order_by(col(AuditEntry.id).desc()).limit(1)).first()
    entry = AuditEntry(
        at=now(),
        actor=principal.name,
        action=action,
        target=target,
        detail=json.dumps(detail, sort_keys=True, separators=(",", ":")),
        previous=last or GENESIS,
        digest="",
    )
    entry.digest = digest_of(entry)
    session.add(entry)


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 over everything that the entry says and the digest of the one before."""
    parts = [entry.previous, entry.at, entry.actor, entry.action, entry.target, entry.detail]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
