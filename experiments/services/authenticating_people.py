"""Who knows a password. Guessing is slowed down: by Argon2, and by a pause after repeated failures."""

import time
from collections import OrderedDict
from functools import cache

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine
from sqlmodel import select

from experiments.errors import TooManyError, UnauthenticatedError
from experiments.model.checks.shape import is_storable
from experiments.model.principal import ROLES, Principal
from experiments.model.tables import User
from experiments.services.granting_users import HASHER
from experiments.store.engine import reading, transaction

FAILURES = 5
PAUSE = 60.0
"""Seconds for which an address that failed FAILURES times is refused without looking."""

_REMEMBERED = 10_000


class PasswordGate:
    """E-mail and password → principal. Keep one for each process: it remembers who failed how often."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def verify_password(self, email: str, password: str) -> Principal:
        """The person, with the scopes of the role.

        Raises UnauthenticatedError (unknown, disabled and wrong alike), TooManyError, UnavailableError.
        """
        email = email.lower()[:254]
        self._refuse_guessing(email)
        row = self._find(email)
        # A hash is checked in any case, so that the time taken does not tell who has an account.
        fits = _fits(_decoy() if row is None else row.password_hash, password)
        if row is None or row.disabled_at is not None or not fits:
            self._remember_failure(email)
            raise UnauthenticatedError("e-mail or password is wrong")
        self._failures.pop(email, None)
        self._renew(row, password)
        return Principal(f"user:{row.email}", ROLES[row.role])

    def _find(self, email: str) -> User | None:
        if not is_storable(email):
            return None
        with reading(self._engine) as session:
            return session.exec(select(User).where(User.email == email)).first()

    def _refuse_guessing(self, email: str) -> None:
        count, last = self._failures.get(email, (0, 0.0))
        left = PAUSE - (time.monotonic() - last)
        if count >= FAILURES and left > 0:
            raise TooManyError("too many failed attempts; wait a little", int(left) + 1)

    def _remember_failure(self, email: str) -> None:
        count, last = self._failures.pop(email, (0, 0.0))
        forgotten = time.monotonic() - last > PAUSE
        self._failures[email] = (1 if forgotten else count + 1, time.monotonic())
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def _renew(self, row: User, password: str) -> None:
        """Hash again where the library's parameters have grown since."""
        if HASHER.check_needs_rehash(row.password_hash):
            row.password_hash = HASHER.hash(password)
            with transaction(self._engine) as session:
                session.merge(row)


@cache
def _decoy() -> str:
    return HASHER.hash("nobody has this password")


def _fits(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
