"""A new secret for a key, while the old one goes on for a while."""

from datetime import timedelta

from sqlalchemy import Engine

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError
from experiments.model.access.principal import Principal, require
from experiments.model.tables.credentials import ApiKey
from experiments.model.times import duration_micros, now
from experiments.services.access.granting_keys import GrantedKey, fresh_key
from experiments.services.access.last_admin import hold_administrators
from experiments.store import audit
from experiments.store.core.engine import transaction

OVERLAP = timedelta(days=1)
LONGEST = timedelta(days=90)


def rotate_key(engine: Engine, principal: Principal, key_id: int, overlap: timedelta = OVERLAP) -> GrantedKey:
    """A new key with the name, scopes and rate limit of this one, which expires after `overlap`, or earlier.

    Where the old one would have expired by itself, the new one gets as long a life, from now on. Raises ForbiddenError
    without the scope `admin`, NotFoundError, ConflictError where the key is revoked, expired or rotated already,
    InvalidError for an overlap beyond LONGEST.
    """
    require(principal, "admin")
    if not timedelta(0) <= overlap <= LONGEST:
        raise InvalidError([Fault("/overlap", f"must be P0D to P{LONGEST.days}D")])
    with transaction(engine) as session:
        hold_administrators(session)
        moment = now()
        old = session.get(ApiKey, key_id, with_for_update=True)
        if old is None:
            raise NotFoundError(f"there is no key {key_id}")
        _refuse_over(old, moment)
        life = None if old.expires_at is None else old.expires_at - old.created_at
        new, secret = fresh_key(principal, old.name, old.scopes.split(), None if life is None else moment + life)
        new.rate_limit = old.rate_limit
        session.add(new)
        session.flush()
        ends = moment + duration_micros(overlap)
        old.expires_at = ends if old.expires_at is None else min(ends, old.expires_at)
        old.replaced_by = new.id
        session.add(old)
        made = {"name": new.name, "scopes": new.scopes.split(), "expires_at": new.expires_at, "replaces": old.prefix}
        audit.append(session, principal, "key.create", new.prefix, made)
        session.flush()
        ending = {"name": old.name, "replaced_by": new.prefix, "expires_at": old.expires_at}
        audit.append(session, principal, "key.rotate", old.prefix, ending)
    return GrantedKey(new.id or 0, secret, new.prefix, old.expires_at)


def _refuse_over(key: ApiKey, moment: int) -> None:
    if key.replaced_by is not None:
        raise ConflictError(
            f"{key.prefix} was rotated already; rotate the key that replaced it, number {key.replaced_by}"
        )
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= moment):
        raise ConflictError(f"{key.prefix} is revoked or has expired: create a new key")
