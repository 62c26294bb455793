"""Whether the audit log is as it was written."""

from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.principal import Principal, require
from experiments.model.tables import AuditEntry
from experiments.store.audit import GENESIS, digest_of
from experiments.store.engine import reading


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What walking the chain found: `broken_at` is the id of the first entry that does not fit (None: all fit).

    A chain cannot show that its newest entries were cut off: keep `head` elsewhere and compare.
    """

    entries: int
    broken_at: int | None
    head: str


def verify_audit(engine: Engine, principal: Principal) -> AuditCheck:
    """Walk the whole chain. Raises ForbiddenError without the scope `admin`."""
    require(principal, "admin")
    previous, count = GENESIS, 0
    query = select(AuditEntry).order_by(col(AuditEntry.id)).execution_options(yield_per=1000)
    with reading(engine) as session, closing(session.exec(query)) as entries:
        for entry in entries:
            if entry.previous != previous or entry.digest != digest_of(entry):
                return AuditCheck(count, entry.id, previous)
            previous, count = entry.digest, count + 1
    return AuditCheck(count, None, previous)
