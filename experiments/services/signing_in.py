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
from experiments.services.authenticating_people import verify_password
from experiments.services.limiting_guesses import Origin
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


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a browser keeps: the token of the sign-in, and the one by which it is known at the next."""

    token: str
    device: str


class SignIns:
    """Tokens → people. Keep one for each process: what was seen within FRESH seconds costs a dictionary look-up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[str, tuple[Person, float]] = {}

    def sign_in(self, email: str, password: str, origin: Origin) -> SignedIn:
        """A new token. Raises UnauthenticatedError, TooManyError, UnavailableError."""
        proven = verify_password(self._engine, email, password, origin)
        token = secrets.token_urlsafe(32)
        moment = now()
        row = SignIn(digest=_digest(token), user_id=proven.user.id or 0, created_at=moment, expires_at=moment + LIFE)
        with transaction(self._engine) as session:
            session.execute(delete(SignIn).where(col(SignIn.expires_at) <= moment))
            session.add(row)
            audit.append(session, proven.principal, "user.sign_in", proven.user.email, {})
        return SignedIn(token, proven.device)

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
