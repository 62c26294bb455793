"""The last administrator's key, or login, does not go by mistake, in whatever order people take them back at once.

Keys and people are counted apart: a key cannot sign in, and who signs in cannot call the API.
"""

from sqlmodel import Session, col, select

from experiments.errors import ConflictError
from experiments.model.tables.credentials import ApiKey, User
from experiments.model.times import now
from experiments.store.core.engine import hold
from experiments.store.core.locks import Lock

_CONFIRM = "confirm with force=true, in the shell with --force"


def hold_administrators(session: Session) -> None:
    """Let nobody else take an administrator's access until the transaction ends."""
    hold(session, Lock.ADMINISTRATORS)


def refuse_last_key(session: Session, leaving: ApiKey) -> None:
    """Raise ConflictError where no other administrator's key lasts at least as long. Needs `hold_administrators`."""
    moment = now()
    if "admin" not in leaving.scopes.split() or not _works(leaving, moment):
        return
    others = session.exec(select(ApiKey).where(ApiKey.id != leaving.id, col(ApiKey.revoked_at).is_(None))).all()
    if not any(_outlasts(each, leaving, moment) for each in others):
        raise ConflictError(
            f"{leaving.prefix} ({leaving.name}) is the last administrator's key: create another one that lasts as "
            f"long (winback key create --scope admin), or {_CONFIRM}"
        )


def refuse_last_person(session: Session, leaving: User) -> None:
    """Raise ConflictError where nobody else is an administrator who may sign in. Needs `hold_administrators`."""
    if leaving.role != "admin" or leaving.disabled_at is not None:
        return
    others = select(User.id).where(User.role == "admin", col(User.disabled_at).is_(None), User.id != leaving.id)
    if session.exec(others).first() is None:
        raise ConflictError(
            f"{leaving.email} is the last administrator who may sign in: make somebody else one first, or {_CONFIRM}"
        )


def _works(key: ApiKey, moment: int) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > moment)


def _outlasts(other: ApiKey, leaving: ApiKey, moment: int) -> bool:
    if "admin" not in other.scopes.split() or not _works(other, moment):
        return False
    return other.expires_at is None or (leaving.expires_at is not None and other.expires_at >= leaving.expires_at)
