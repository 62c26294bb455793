"""Whether the audit trail is as it was written: each entry, their order, and that none was cut off at the end."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, Fault, InvalidError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.core import AuditEntry
from experiments.model.times import now, to_rfc3339
from experiments.store import audit, audit_anchors
from experiments.store.audit import GENESIS, digest_of
from experiments.store.audit_anchors import Anchor, Anchors
from experiments.store.core.audit_seal import NAME as KEY_FILE
from experiments.store.core.audit_seal import AuditKey, Seal, seal_of
from experiments.store.core.engine import reading, transaction


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What walking the trail found.

    Attributes:
        broken_at: id of the first entry that does not fit (None: all fit).
        problems: in words; empty where the trail is whole and every anchor fits it.
        anchored: entries up to which the file of anchors vouches for it.
        restores: when a backup was put back or an older state accepted, and why.
    """

    entries: int
    broken_at: int | None
    head: str
    problems: Sequence[str] = ()
    anchored: int = 0
    restores: Sequence[str] = field(default=())


@dataclass
class _Walk:
    """Where a walk stands."""

    entries: int = 0
    head: str = GENESIS
    sealed: bool = False
    broken_at: int | None = None
    problem: str = ""


def verify_audit(engine: Engine, principal: Principal, noted: str | None = None) -> AuditCheck:
    """Walk the whole trail and compare it with its anchors, and with `COUNT:MAC` that was noted elsewhere.

    Raises ForbiddenError without the scope `admin`, InvalidError where what was noted is not of that form.
    """
    require(principal, "admin")
    elsewhere = {} if noted is None else _noted(noted)
    with reading(engine) as session:
        seal = seal_of(session)
        key = seal.known()
        # Anchors are read first: what is appended meanwhile is then no more than the trail that is read after it.
        anchors = None if key is None else audit_anchors.read(seal.folder, key)
        known = {**({} if anchors is None else anchors.known), **elsewhere}
        walk = _walk(session, key, known)
    problems = [walk.problem] if walk.problem else []
    problems += _file_problems(seal, walk, anchors)
    longest = max(known, default=0)
    if walk.broken_at is None and longest > walk.entries:
        problems.append(
            f"entries {walk.entries + 1} to {longest} were cut off the end of the audit trail, or an older database "
            "was put in place by other means than winback restore"
        )
    restores = () if anchors is None else [f"{to_rfc3339(each.at)}: {each.why}" for each in anchors.restores]
    anchored = 0 if anchors is None else max(anchors.known, default=0)
    return AuditCheck(walk.entries, walk.broken_at, walk.head, problems, anchored, restores)


def accept_audit(engine: Engine, principal: Principal, reason: str) -> None:
    """Take the trail as it is now, where an older state of the database was put in place in another way than restoring.

    What was anchored beyond it is given up, and that is an entry. Raises ForbiddenError without the scope `admin`,
    InvalidError without a reason, ConflictError where an entry itself was changed: that stays to be seen.
    """
    require(principal, "admin")
    if not reason.strip():
        raise InvalidError([Fault("/reason", "say why the trail is shorter than it was")])
    with reading(engine) as session:
        seal = seal_of(session)
        walk = _walk(session, seal.known(), {})
    if walk.broken_at is not None:
        raise ConflictError(f"{walk.problem}: that cannot be accepted, it stays to be seen")
    begin_anew(engine, reason)
    with transaction(engine) as session:
        audit.append(session, principal, "audit.accept", "audit", {"entries": walk.entries, "reason": reason})


def begin_anew(engine: Engine, why: str) -> None:
    """Anchor that the trail goes back to where it is now."""
    with reading(engine) as session:
        seal, last = seal_of(session), audit.head(session)
    count, digest = (0, GENESIS) if last is None else (last.number, last.digest)
    audit_anchors.append(seal, Anchor(count, digest, now(), restored=True, why=why))


def _walk(session: Session, key: AuditKey | None, known: Mapping[int, str]) -> _Walk:
    walk = _Walk()
    query = select(AuditEntry).order_by(col(AuditEntry.number)).execution_options(yield_per=1000)
    with closing(session.exec(query)) as entries:
        for entry in entries:
            walk.problem = next(_faults(walk, entry, key, known), "")
            if walk.problem:
                walk.broken_at = entry.id
                return walk
            walk.entries, walk.head = walk.entries + 1, entry.digest
            walk.sealed = walk.sealed or entry.sealed_by is not None
    return walk


def _faults(walk: _Walk, entry: AuditEntry, key: AuditKey | None, known: Mapping[int, str]) -> Iterator[str]:
    """What is wrong with the next entry."""
    told = f"entry {entry.number}"
    if entry.number != walk.entries + 1:
        yield f"entry {walk.entries + 1} of the audit trail is missing: it was taken out"
    if entry.previous != walk.head:
        yield f"{told} of the audit trail does not fit the one before it: it was changed"
    if entry.sealed_by is None and walk.sealed:
        yield f"{told} has no seal though entries before it have one: it was put there by other means than the service"
    if entry.sealed_by is not None and (key is None or key.name != entry.sealed_by):
        yield (
            f"{told} is sealed with the key {entry.sealed_by}, and the one here is "
            f"{'missing' if key is None else key.name}: put the right one into WINBACK_AUDIT_KEY or {KEY_FILE}"
        )
    elif entry.digest != digest_of(entry, None if entry.sealed_by is None else key):
        yield f"{told} of the audit trail was changed: its seal does not fit"
    if known.get(entry.number, entry.digest) != entry.digest:
        yield f"{told} is not the one that was anchored: the audit trail was written anew from there or earlier"


def _noted(text: str) -> dict[int, str]:
    count, _, digest = text.partition(":")
    if not (count.isascii() and count.isdigit() and len(count) < 16) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidError([Fault("/head", "must be COUNT:MAC as winback audit verify and the log write them")])
    return {int(count): digest}


def _file_problems(seal: Seal, walk: _Walk, anchors: Anchors | None) -> Iterator[str]:
    place = seal.folder / audit_anchors.NAME
    if anchors is None:
        if walk.sealed or (seal.folder / KEY_FILE).exists():
            yield f"there are no anchors at {place}: the file was deleted, or the data directory is another one"
        return
    if anchors.broken:
        lines = ", ".join(map(str, anchors.broken[:5]))
        yield f"{place} was changed: the seal of line {lines} does not fit"
