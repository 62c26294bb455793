"""Who knows a password. Guessing is slowed down: by Argon2, and by what `limiting_guesses` allows."""

from dataclasses import dataclass
from functools import cache

import structlog
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, update
from sqlmodel import col, select

from experiments.errors import TooManyError, UnauthenticatedError
from experiments.model.access.principal import ROLES, Principal
from experiments.model.checks.shape import is_storable
from experiments.model.tables.credentials import User
from experiments.services.access.granting_users import HASHER
from experiments.services.access.limiting_guesses import Origin, admit, succeed
from experiments.services.access.watching import note_now
from experiments.store.core.engine import reading, transaction

_log = structlog.get_logger("winback.people")


@dataclass(frozen=True, slots=True)
class Proven:
    """Who knows the password: the person's row, the principal, and the token that marks the browser as known."""

    user: User
    principal: Principal
    device: str


def verify_password(engine: Engine, email: str, password: str, origin: Origin) -> Proven:
    """The person, with the scopes of the role.

    Raises UnauthenticatedError (unknown, disabled and wrong alike), TooManyError, UnavailableError.
    """
    email = email.lower()[:254]
    row = _find(engine, email)
    try:
        attempt = admit(engine, email, origin)
    except TooManyError:
        refused(engine, row, origin, "limited")
        raise
    # A hash is checked in any case, so that the time taken does not tell who has an account.
    fits = _fits(_decoy() if row is None else row.password_hash, password)
    if row is None or row.disabled_at is not None or not fits:
        refused(engine, row, origin, "wrong")
        raise UnauthenticatedError("e-mail or password is wrong")
    _renew(engine, row, password)
    return Proven(row, Principal(f"user:{row.email}", ROLES[row.role]), succeed(engine, attempt))


def refused(engine: Engine, row: User | None, origin: Origin, reason: str) -> None:
    """Every refused attempt comes by here. Of names that nobody has only that is told: people mistype passwords there.

    `reason`: wrong (password, name, or disabled) or limited.
    """
    account = "unknown" if row is None else row.email
    _log.warning("sign-in refused", reason=reason, account=account, address=origin.address)
    subject = "" if row is None else f"user:{row.email}"
    note_now(engine, "locked_out" if reason == "limited" else "sign_in_failed", subject, origin.address)


def _find(engine: Engine, email: str) -> User | None:
    if not is_storable(email):
        return None
    with reading(engine) as session:
        return session.exec(select(User).where(User.email == email)).first()


def _renew(engine: Engine, row: User, password: str) -> None:
    """Hash again where the library's parameters have grown since, unless the password was changed meanwhile."""
    if HASHER.check_needs_rehash(row.password_hash):
        before, row.password_hash = row.password_hash, HASHER.hash(password)
        change = update(User).where(col(User.id) == row.id, col(User.password_hash) == before)
        with transaction(engine) as session:
            session.execute(change.values(password_hash=row.password_hash))


@cache
def _decoy() -> str:
    return HASHER.hash("nobody has this password")


def _fits(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
