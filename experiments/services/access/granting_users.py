"""Give people access, and take it back."""

import re
from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from experiments.errors import ConflictError, Fault, InvalidError, NotFoundError
from experiments.model.access.passwords import password_faults
from experiments.model.access.principal import ROLES, Principal, require
from experiments.model.checks.shape import is_storable
from experiments.model.tables.credentials import User
from experiments.model.tables.sessions import SignIn
from experiments.model.times import now
from experiments.services.access.last_admin import hold_administrators, refuse_last_person
from experiments.store import audit
from experiments.store.core.engine import reading, transaction

HASHER = PasswordHasher()
"""Argon2id with the library's current parameters; a hash remembers the ones that it was made with."""

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")


def create_user(
    engine: Engine, principal: Principal, email: str, password: str, role: str, *, own: bool = False
) -> int:
    """A new person; the id. `own`: the person chose the password, and need not choose another at the first sign-in.

    Raises ForbiddenError without the scope `admin`, InvalidError, ConflictError.
    """
    require(principal, "admin")
    faults = [] if _EMAIL.fullmatch(email) and is_storable(email) else [Fault("/email", "is not an e-mail address")]
    faults += [*password_faults(password, email), *_role_faults(role)]
    if faults:
        raise InvalidError(faults)
    hashed = HASHER.hash(password)
    row = User(email=email.lower(), password_hash=hashed, role=role, created_at=now(), password_due=not own)
    with transaction(engine) as session:
        if session.exec(select(User.id).where(User.email == row.email)).first() is not None:
            raise ConflictError(f"{row.email} has an account already")
        session.add(row)
        session.flush()
        audit.append(session, principal, "user.create", row.email, {"role": role})
    return row.id or 0


@dataclass(frozen=True, slots=True)
class UserChange:
    """What shall change of a person; None leaves it as it is."""

    role: str | None = None
    password: str | None = None
    disabled: bool | None = None

    @property
    def takes_access(self) -> bool:
        """Whether an administrator would be none any more."""
        return self.disabled is True or self.role not in (None, "admin")


def change_user(engine: Engine, principal: Principal, user_id: int, change: UserChange, *, force: bool = False) -> None:
    """Change what is given, and nothing else; whoever is signed in as this person is no more.

    Raises ForbiddenError without the scope `admin`, NotFoundError, InvalidError, ConflictError where the last
    administrator would be none any more, unless `force`.
    """
    require(principal, "admin")
    faults = [] if change.password is None else password_faults(change.password, _email(engine, user_id))
    faults += [] if change.role is None else _role_faults(change.role)
    if faults:
        raise InvalidError(faults)
    hashed = None if change.password is None else HASHER.hash(change.password)
    with transaction(engine) as session:
        hold_administrators(session)
        row = session.get(User, user_id, with_for_update=True)
        if row is None:
            raise NotFoundError(f"there is no user {user_id}")
        if change.takes_access and not force:
            refuse_last_person(session, row)
        row.role = change.role or row.role
        row.password_hash = hashed or row.password_hash
        row.password_due = hashed is not None or row.password_due
        if change.disabled is not None:
            row.disabled_at = (row.disabled_at or now()) if change.disabled else None
        session.add(row)
        end_sign_ins(session, user_id)
        detail = {"role": change.role, "password": hashed is not None, "disabled": change.disabled}
        audit.append(session, principal, "user.change", row.email, detail)


def end_sign_ins(session: Session, user_id: int) -> None:
    """Whoever is signed in as this person, anywhere, is not any more when the transaction commits."""
    session.execute(delete(SignIn).where(col(SignIn.user_id) == user_id))


def _email(engine: Engine, user_id: int) -> str:
    with reading(engine) as session:
        row = session.get(User, user_id)
        if row is None:
            raise NotFoundError(f"there is no user {user_id}")
        return row.email


def _role_faults(role: str) -> list[Fault]:
    return [] if role in ROLES else [Fault("/role", f"must be one of {', '.join(ROLES)}")]
