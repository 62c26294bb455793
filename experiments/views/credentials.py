"""Keys, users and the audit log, without anything that could be used as a credential."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from experiments.model.access.principal import Principal, require
from experiments.model.access.rate_limits import RateLimit
from experiments.model.tables.core import AuditEntry
from experiments.model.tables.credentials import ApiKey, User
from experiments.model.times import to_rfc3339
from experiments.store.core.engine import reading
from experiments.views.paging import Wanted, page

Document = dict[str, Any]


def keys(engine: Engine, principal: Principal, wanted: Wanted) -> Document:
    """A page of API keys, newest first. Raises ForbiddenError without the scope `admin`."""
    require(principal, "admin")
    query = select(ApiKey).order_by(col(ApiKey.id).desc()).limit(wanted.limit + 1)
    if wanted.after is not None:
        query = query.where(col(ApiKey.id) < wanted.after)
    with reading(engine) as session:
        return page(session.exec(query).all(), wanted, lambda row: row.id, _key)


def users(engine: Engine, principal: Principal, wanted: Wanted) -> Document:
    """A page of users, newest first. Raises ForbiddenError without the scope `admin`."""
    require(principal, "admin")
    query = select(User).order_by(col(User.id).desc()).limit(wanted.limit + 1)
    if wanted.after is not None:
        query = query.where(col(User.id) < wanted.after)
    with reading(engine) as session:
        return page(session.exec(query).all(), wanted, lambda row: row.id, _user)


def audit_log(engine: Engine, principal: Principal, wanted: Wanted, target: str | None = None) -> Document:
    """A page of audit entries, newest first. Raises ForbiddenError without the scope `admin`."""
    require(principal, "admin")
    query = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(wanted.limit + 1)
    if target is not None:
        query = query.where(AuditEntry.target == target)
    if wanted.after is not None:
        query = query.where(col(AuditEntry.id) < wanted.after)
    with reading(engine) as session:
        return page(session.exec(query).all(), wanted, lambda row: row.id, _entry)


def _key(row: ApiKey) -> Document:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes.split(),
        "created_at": to_rfc3339(row.created_at),
        "created_by": row.created_by,
        "expires_at": None if row.expires_at is None else to_rfc3339(row.expires_at),
        "revoked_at": None if row.revoked_at is None else to_rfc3339(row.revoked_at),
        "last_used_at": None if row.last_used_at is None else to_rfc3339(row.last_used_at),
        "replaced_by": row.replaced_by,
        "rate_limit": None if row.rate_limit is None else asdict(RateLimit.parse(row.rate_limit)),
    }


def _user(row: User) -> Document:
    return {
        "id": row.id,
        "email": row.email,
        "role": row.role,
        "created_at": to_rfc3339(row.created_at),
        "disabled_at": None if row.disabled_at is None else to_rfc3339(row.disabled_at),
    }


def _entry(row: AuditEntry) -> Document:
    return {
        "id": row.id,
        "at": to_rfc3339(row.at),
        "actor": row.actor,
        "action": row.action,
        "target": row.target,
        "detail": json.loads(row.detail),
        "digest": row.digest,
    }
