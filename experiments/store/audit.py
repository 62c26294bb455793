"""The audit log's own rules: appended in the transaction of the change, each entry sealed with the one before."""

import hashlib
import json
from typing import Any

from sqlmodel import Session, col, select

from experiments.model.principal import SYSTEM, Principal
from experiments.model.tables import AuditEntry
from experiments.model.times import now
from experiments.store.engine import hold
from experiments.store.locks import Lock
from experiments.store.outbox import announce

GENESIS = "0" * 64
_CHANGES = ("experiment.", "arm.", "variant.")


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
    # What the service does to experiments by itself is announced where it is done.
    if action.startswith(_CHANGES) and principal is not SYSTEM:
        announce(session, "changes", target.partition("/")[0], {"event": action, "target": target, **_told(detail)})


def _told(detail: dict[str, Any]) -> dict[str, Any]:
    """Definitions are long, and can be had over HTTP."""
    return {name: value for name, value in detail.items() if name not in ("definition", "before", "after")}


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 over everything that the entry says and the digest of the one before."""
    parts = [entry.previous, entry.at, entry.actor, entry.action, entry.target, entry.detail]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
