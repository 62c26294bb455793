"""Who holds a credential. Systems come with API keys, people with passwords."""

import hashlib
import re
import time
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Engine
from sqlmodel import select

from experiments.errors import UnauthenticatedError
from experiments.model.principal import Principal, Scope
from experiments.model.tables import ApiKey
from experiments.model.times import SECOND, now
from experiments.store.engine import reading

KEY_FORM = re.compile(r"wb_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")
FRESH = 2.0
"""Seconds after which a revoked key stops working everywhere."""


def digest_of_key(key: str) -> str:
    """What is stored of a key. A plain hash is enough: the key has 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class Gate:
    """Authorization headers → principals; what was seen within FRESH seconds costs a dictionary look-up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[str, _Known] = {}

    def known(self, header: str | None) -> Principal | None:
        """The principal, where the header was accepted a moment ago. Never blocks."""
        seen = self._seen.get(header or "")
        return seen.principal if seen is not None and time.monotonic() < seen.until else None

    def authenticate(self, header: str | None) -> Principal:
        """The principal of `Bearer wb_…`. Raises UnauthenticatedError, UnavailableError. May ask the database."""
        principal = self.known(header)
        if principal is not None:
            return principal
        key = _bearer(header)
        with reading(self._engine) as session:
            row = session.exec(select(ApiKey).where(ApiKey.digest == digest_of_key(key))).first()
        moment = now()
        if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= moment):
            self.forget(header)
            raise UnauthenticatedError("nobody holds this key: it is unknown, revoked or expired")
        life = FRESH if row.expires_at is None else min(FRESH, (row.expires_at - moment) / SECOND)
        principal = Principal(f"key:{row.name}", frozenset(cast(Scope, scope) for scope in row.scopes.split()))
        self._seen[cast(str, header)] = _Known(principal, time.monotonic() + life)
        return principal

    def forget(self, header: str | None = None) -> None:
        """Ask the database again about this header, or about all."""
        if header is None:
            self._seen.clear()
        else:
            self._seen.pop(header, None)


def _bearer(header: str | None) -> str:
    if not header:
        raise UnauthenticatedError("send a key: Authorization: Bearer wb_…")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not KEY_FORM.fullmatch(key.strip()):
        raise UnauthenticatedError("the credential is not of the form: Authorization: Bearer wb_…")
    return key.strip()
