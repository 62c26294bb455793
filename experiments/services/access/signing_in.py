"""People sign in with a password and hold a token from then on, until it ends.

It ends LIFE after the sign-in, after IDLE without use, when the person signs out, changes the password, is disabled or
gets another role. Nothing is remembered between two requests: what has ended is refused from the next one on.
"""

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, or_, select, update
from sqlmodel import Session, col

from experiments.errors import Fault, InvalidError, UnauthenticatedError, UnavailableError
from experiments.model.access.passwords import password_faults
from experiments.model.access.principal import ROLES, Principal
from experiments.model.tables.credentials import User
from experiments.model.tables.sessions import SignIn
from experiments.model.times import HOUR, SECOND, now
from experiments.services.access.granting_users import HASHER, end_sign_ins
from experiments.services.access.limiting_guesses import Origin
from experiments.services.access.passwords import Proven, verify_password
from experiments.store import audit
from experiments.store.core.engine import reading, transaction

LIFE = 12 * HOUR
IDLE = 2 * HOUR
_NOTED_EVERY = 300 * SECOND
"""How exactly the last use is known: noting each would write with every request."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in. `password_due`: nothing may be done before the person has chosen a password."""

    principal: Principal
    email: str
    role: str
    password_due: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a browser keeps: the token of the sign-in, and the one by which it is known at the next."""

    token: str
    device: str


# Columns instead of rows of both: asked with every request.
_HELD: Any = select(
    *map(col, (User.email, User.role, User.disabled_at, User.password_due, SignIn.expires_at, SignIn.seen_at))
).where(col(User.id) == col(SignIn.user_id))


class SignIns:
    """Tokens → people."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sign_in(self, email: str, password: str, origin: Origin, before: str | None = None) -> SignedIn:
        """A new token; `before`, which the browser held until now, ends.

        Raises UnauthenticatedError, TooManyError, UnavailableError.
        """
        proven = verify_password(self._engine, email, password, origin)
        with transaction(self._engine) as session:
            user = _as_proven(session, proven)
            moment = now()
            over = or_(col(SignIn.expires_at) <= moment, col(SignIn.seen_at) <= moment - IDLE)
            session.execute(delete(SignIn).where(or_(over, col(SignIn.digest) == _digest(before or ""))))
            token = _new_token(session, user)
            audit.append(session, proven.principal, "user.sign_in", user.email, {})
        return SignedIn(token, proven.device)

    def person(self, token: str | None) -> Person:
        """Who holds the token. Raises UnauthenticatedError, UnavailableError."""
        if not token:
            raise UnauthenticatedError("nobody is signed in")
        digest = _digest(token)
        with reading(self._engine) as session:
            found = session.execute(_HELD.where(col(SignIn.digest) == digest)).first()
        moment = now()
        if found is None or found.disabled_at is not None or _over(found, moment):
            raise UnauthenticatedError("the sign-in has ended; sign in again")
        if found.seen_at <= moment - _NOTED_EVERY:
            self._note_use(digest, moment)
        return Person(Principal(f"user:{found.email}", ROLES[found.role]), found.email, found.role, found.password_due)

    def change_password(self, token: str | None, current: str, wanted: str, origin: Origin) -> SignedIn:
        """Another password for whoever holds the token; every sign-in of the person ends, and a new one begins here.

        Raises UnauthenticatedError (no token, or `current` is wrong), TooManyError, InvalidError, UnavailableError.
        """
        person = self.person(token)
        proven = verify_password(self._engine, person.email, current, origin)
        faults = password_faults(wanted, person.email)
        if not faults and wanted == current:
            faults = [Fault("/password", "is the one that you have; choose another")]
        if faults:
            raise InvalidError(faults)
        hashed = HASHER.hash(wanted)
        with transaction(self._engine) as session:
            user = _as_proven(session, proven)
            user.password_hash, user.password_due = hashed, False
            session.add(user)
            end_sign_ins(session, user.id or 0)
            renewed = _new_token(session, user)
            audit.append(session, proven.principal, "user.password", user.email, {})
        return SignedIn(renewed, proven.device)

    def sign_out(self, token: str | None) -> None:
        """End the token; nothing where it has ended."""
        with transaction(self._engine) as session:
            session.execute(delete(SignIn).where(col(SignIn.digest) == _digest(token or "")))

    def _note_use(self, digest: str, moment: int) -> None:
        # Who asks is served all the same; the next request notes it.
        with suppress(UnavailableError), transaction(self._engine) as session:
            session.execute(update(SignIn).where(col(SignIn.digest) == digest).values(seen_at=moment))


def _as_proven(session: Session, proven: Proven) -> User:
    """The person, locked. Raises UnauthenticatedError where password or access changed since it was proven."""
    user = session.get(User, proven.user.id, with_for_update=True)
    if user is None or user.disabled_at is not None or user.password_hash != proven.user.password_hash:
        raise UnauthenticatedError("the password was changed just now; sign in again")
    return user


def _new_token(session: Session, user: User) -> str:
    token, moment = secrets.token_urlsafe(32), now()
    row = SignIn(
        digest=_digest(token), user_id=user.id or 0, created_at=moment, expires_at=moment + LIFE, seen_at=moment
    )
    session.add(row)
    return token


def _over(row: Any, moment: int) -> bool:
    """Whether a sign-in has ended by itself."""
    return bool(row.expires_at <= moment or row.seen_at <= moment - IDLE)


def _digest(token: str) -> str:
    """What is stored of a token. A plain hash is enough: the token has 256 random bits."""
    return hashlib.sha256(token.encode(errors="backslashreplace")).hexdigest()
