"""The audit log's own rules: appended in the transaction of the change, each entry sealed with the one before."""

import hashlib
import json
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlmodel import Session, col, select

from experiments.model.access.principal import SYSTEM, Principal
from experiments.model.tables.core import AuditEntry
from experiments.model.times import now
from experiments.store import audit_anchors
from experiments.store.audit_anchors import Anchor
from experiments.store.core.audit_seal import AuditKey, Seal, seal_of
from experiments.store.core.engine import hold
from experiments.store.core.locks import Lock
from experiments.store.core.outbox import announce

GENESIS = "0" * 64


class Head(NamedTuple):
    """How many entries there are, and what the last one is sealed with."""

    number: int
    digest: str
    sealed_by: str | None


_CHANGES = ("experiment.", "arm.", "variant.")


def append(session: Session, principal: Principal, action: str, target: str, detail: dict[str, Any]) -> None:
    """Add an entry as the last thing of a transaction (it holds a lock until the commit).

    Raises UnavailableError where the trail has no key and none can be made.
    """
    hold(session, Lock.AUDIT)
    seal = seal_of(session)
    key, last = seal.key(), head(session)
    if last is not None and last.sealed_by is None:
        _anchor_once_committed(session, seal, last)  # what was there before there was a key
    entry = AuditEntry(
        number=1 if last is None else last.number + 1,
        at=now(),
        actor=principal.name,
        action=action,
        target=target,
        detail=json.dumps(detail, sort_keys=True, separators=(",", ":")),
        previous=GENESIS if last is None else last.digest,
        digest="",
        sealed_by=key.name,
    )
    entry.digest = digest_of(entry, key)
    session.add(entry)
    _anchor_once_committed(session, seal, Head(entry.number, entry.digest, key.name))
    # What the service does to experiments by itself is announced where it is done.
    if action.startswith(_CHANGES) and principal is not SYSTEM:
        announce(session, "changes", target.partition("/")[0], {"event": action, "target": target, **_told(detail)})


def _told(detail: dict[str, Any]) -> dict[str, Any]:
    """Definitions are long, and can be had over HTTP."""
    return {name: value for name, value in detail.items() if name not in ("definition", "before", "after")}


def digest_of(entry: AuditEntry, key: AuditKey | None) -> str:
    """HMAC-SHA256 over everything that the entry says and the digest of the one before.

    Without a key: SHA-256, as entries were sealed before there was one.
    """
    parts: list[object] = [entry.previous, entry.at, entry.actor, entry.action, entry.target, entry.detail]
    if key is None:
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return key.mac(json.dumps([entry.number, *parts]))


def head(session: Session) -> Head | None:
    """The newest entry's; None where there is none."""
    newest = select(AuditEntry.number, AuditEntry.digest, AuditEntry.sealed_by)
    found = session.exec(newest.order_by(col(AuditEntry.number).desc()).limit(1)).first()
    return None if found is None else Head(*found)


def _anchor_once_committed(session: Session, seal: Seal, at: Head) -> None:
    """Afterwards, so that nothing is anchored that was undone; a process that dies in between leaves it to the next."""
    anchor = Anchor(at.number, at.digest, now())
    event.listen(session, "after_commit", lambda _: audit_anchors.append(seal, anchor), once=True)
