"""Give credentials to systems, and take them back."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from experiments.errors import Fault, InvalidError, NotFoundError
from experiments.model.access.principal import SCOPES, Principal, require
from experiments.model.access.rate_limits import RateLimit
from experiments.model.tables.credentials import ApiKey
from experiments.model.times import now
from experiments.services.access.keys import digest_of_key
from experiments.services.access.last_admin import hold_administrators, refuse_last_key
from experiments.store import audit
from experiments.store.core.engine import transaction


@dataclass(frozen=True, slots=True)
class GrantedKey:
    """A new key. `key` is shown this once; only its hash is kept. `replaced_until`: when the one it replaces ends."""

    id: int
    key: str
    prefix: str
    replaced_until: int | None = None


def create_key(
    engine: Engine,
    principal: Principal,
    name: str,
    scopes: Sequence[str],
    expires_at: int | None = None,
    rate_limit: RateLimit | None = None,
) -> GrantedKey:
    """A new API key with these scopes; `expires_at` in microseconds.

    Raises ForbiddenError without the scope `admin`, InvalidError for unknown scopes or an expiry in the past.
    """
    require(principal, "admin")
    _check(name, scopes, expires_at)
    row, key = fresh_key(principal, name, scopes, expires_at)
    row.rate_limit = None if rate_limit is None else str(rate_limit)
    with transaction(engine) as session:
        session.add(row)
        session.flush()
        detail = {"name": name, "scopes": row.scopes.split(), "expires_at": expires_at, "rate_limit": row.rate_limit}
        audit.append(session, principal, "key.create", row.prefix, detail)
    return GrantedKey(row.id or 0, key, row.prefix)


def fresh_key(
    principal: Principal, name: str, scopes: Sequence[str], expires_at: int | None = None
) -> tuple[ApiKey, str]:
    """A row that is not stored yet, and its secret."""
    prefix = f"wb_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        name=name,
        prefix=prefix,
        digest=digest_of_key(secret),
        scopes=" ".join(sorted(set(scopes))),
        created_at=now(),
        created_by=principal.name,
        expires_at=expires_at,
    )
    return row, secret


def revoke_key(engine: Engine, principal: Principal, key_id: int, *, force: bool = False) -> None:
    """Take a key back; it stops working everywhere within two seconds. Revoking twice changes nothing.

    Raises ForbiddenError without the scope `admin`, NotFoundError, ConflictError where it is the last administrator's
    key, unless `force`.
    """
    require(principal, "admin")
    with transaction(engine) as session:
        hold_administrators(session)
        row = _key(session, key_id)
        if not force:
            refuse_last_key(session, row)
        if row.revoked_at is None:
            row.revoked_at = now()
            session.add(row)
            audit.append(session, principal, "key.revoke", row.prefix, {"name": row.name})


def _key(session: Session, key_id: int) -> ApiKey:
    row = session.get(ApiKey, key_id)
    if row is None:
        raise NotFoundError(f"there is no key {key_id}")
    return row


def _check(name: str, scopes: Sequence[str], expires_at: int | None) -> None:
    faults = [
        Fault(f"/scopes/{index}", f"unknown scope {scope!r}; there are {', '.join(SCOPES)}")
        for index, scope in enumerate(scopes)
        if scope not in SCOPES
    ]
    if not scopes:
        faults.append(Fault("/scopes", "name at least one scope"))
    if not name.strip():
        faults.append(Fault("/name", "give the key a name"))
    if expires_at is not None and expires_at <= now():
        faults.append(Fault("/expires_at", "lies in the past"))
    if faults:
        raise InvalidError(faults)
