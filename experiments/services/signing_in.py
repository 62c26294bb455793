"""People sign in with a password and hold a token from then on, until it expires or they sign out."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import Engine, delete
from sqlmodel import col, select

from experiments.errors import UnauthenticatedError
from experiments.model.principal import ROLES, Principal
from experiments.model.tables import SignIn, User
from experiments.model.times import HOUR, now
from experiments.services.authenticating_people import PasswordGate
from experiments.store import audit
from experiments.store.engine import reading, transaction

LIFE = 12 * HOUR
FRESH = 2.0
"""Seconds after which a person who was disabled, or signed out elsewhere, is refused."""

_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in."""

    principal: Principal
    email: str
    role: str


class SignIns:
    """Tokens → people. Keep one for each process: what was seen within FRESH seconds costs a dictionary look-up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._gate = PasswordGate(engine)
        self._seen: dict[str, tuple[Person, float]] = {}

    def sign_in(self, email: str, password: str) -> str:
        """A new token. Raises UnauthenticatedError, TooManyError, UnavailableError."""
        principal = self._gate.verify_password(email, password)
        token = secrets.token_urlsafe(32)
        moment = now()
        with transaction(self._engine) as session:
            session.execute(delete(SignIn).where(col(SignIn.expires_at) <= moment))
            user = session.exec(select(User).where(User.email == email.lower())).one()
            session.add(
                SignIn(digest=_digest(token), user_id=user.id or 0, created_at=moment, expires_at=moment + LIFE)
            )
            audit.append(session, principal, "user.sign_in", user.email, {})
        return token

    def person(self, token: str | None) -> Person:
        """Who holds the token. Raises UnauthenticatedError, UnavailableError."""
        if not token:
            raise UnauthenticatedError("nobody is signed in")
        digest = _digest(token)
        seen = self._seen.get(digest)
        if seen is not None and time.monotonic() < seen[1]:
            return seen[0]
        person = self._find(digest)
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        self._seen[digest] = (person, time.monotonic() + FRESH)
        return person

    def sign_out(self, token: str | None) -> None:
        """End the token; nothing where it has ended."""
        digest = _digest(token or "")
        self._seen.pop(digest, None)
        with transaction(self._engine) as session:
            session.execute(delete(SignIn).where(col(SignIn.digest) == digest))

    def _find(self, digest: str) -> Person:
        with reading(self._engine) as session:
            found = session.exec(
                select(User, SignIn).where(SignIn.digest == digest, col(User.id) == col(SignIn.user_id))
            ).first()
        if found is None or found[1].expires_at <= now() or found[0].disabled_at is not None:
            self._seen.pop(digest, None)
            raise UnauthenticatedError("the sign-in has ended; sign in again")
        user = found[0]
        return Person(Principal(f"user:{user.email}", ROLES[user.role]), user.email, user.role)


def _digest(token: str) -> str:
    """What is stored of a token. A plain hash is enough: the token has 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
