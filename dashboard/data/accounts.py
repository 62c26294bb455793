"""People, keys and the audit trail."""

from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from dashboard.who import Who
from experiments.model.access.passwords import SHORTEST
from experiments.model.access.principal import ROLES, SCOPES
from experiments.model.times import DAY, now
from experiments.services.access.granting_keys import create_key, revoke_key
from experiments.services.access.granting_users import UserChange, change_user, create_user
from experiments.services.access.rotating import LONGEST, rotate_key
from experiments.services.access.watching import security_events
from experiments.views.credentials import audit_log, keys, users
from experiments.views.paging import Wanted

MOST = 500
LATEST = 100
RANDOM_BYTES = 15
LONGEST_OVERLAP = LONGEST.days
ROLE_NAMES, SCOPE_NAMES = tuple(ROLES), tuple(SCOPES)
SHORTEST_PASSWORD = SHORTEST
Document = dict[str, Any]


def people(who: Who) -> list[Document]:
    """Everyone with a login, newest first. Raises ForbiddenError."""
    return list(users(who.engine, who.principal, Wanted(limit=MOST))["items"])


def credentials(who: Who) -> list[Document]:
    """Keys of systems, newest first, without the keys themselves. Raises ForbiddenError."""
    return list(keys(who.engine, who.principal, Wanted(limit=MOST))["items"])


def trail(who: Who) -> list[Document]:
    """The latest entries of the audit log. Raises ForbiddenError."""
    return list(audit_log(who.engine, who.principal, Wanted(limit=LATEST))["items"])


def trouble(who: Who) -> list[Document]:
    """The latest signs of trouble. Raises ForbiddenError."""
    return security_events(who.engine, who.principal, LATEST)


def add_person(who: Who, email: str, password: str, role: str) -> None:
    """A new login. Raises ForbiddenError, InvalidError, ConflictError."""
    create_user(who.engine, who.principal, email, password, role)


def set_role(who: Who, number: int, role: str) -> None:
    """Another role. Raises ForbiddenError, NotFoundError, InvalidError."""
    change_user(who.engine, who.principal, number, UserChange(role=role))


def set_disabled(who: Who, number: int, *, disabled: bool) -> None:
    """Take access away, or give it back. Raises ForbiddenError, NotFoundError."""
    change_user(who.engine, who.principal, number, UserChange(disabled=disabled))


def reset_password(who: Who, number: int) -> str:
    """A password by chance, shown this once, that the person replaces at the next sign-in; every sign-in ends.

    Raises ForbiddenError, NotFoundError.
    """
    password = token_urlsafe(RANDOM_BYTES)
    change_user(who.engine, who.principal, number, UserChange(password=password))
    return password


def rotate(who: Who, number: int, days: int) -> str:
    """A new key in the place of one that goes on for some days, shown this once.

    Raises ForbiddenError, NotFoundError, ConflictError, InvalidError.
    """
    return rotate_key(who.engine, who.principal, number, timedelta(days=days)).key


def add_key(who: Who, name: str, scopes: list[str], days: int | None) -> str:
    """A new key, shown this once. Raises ForbiddenError, InvalidError."""
    expires_at = None if not days else now() + int(days) * DAY
    return create_key(who.engine, who.principal, name, scopes, expires_at).key


def end_key(who: Who, number: int) -> None:
    """Revoke a key. Raises ForbiddenError, NotFoundError."""
    revoke_key(who.engine, who.principal, number)
