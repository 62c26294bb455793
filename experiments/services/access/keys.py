"""Who holds a credential. Systems come with API keys, people with passwords."""

import hashlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Engine
from sqlmodel import select

from experiments.errors import UnauthenticatedError
from experiments.model.access.principal import Principal, Scope
from experiments.model.access.rate_limits import Bucket, RateLimit
from experiments.model.tables.credentials import ApiKey
from experiments.model.times import SECOND, now
from experiments.services.access.key_usage import KeyUsage
from experiments.services.access.watching import Watch
from experiments.store.core.engine import reading

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
    bucket: Bucket | None
    addresses: frozenset[str]


class Gate:
    """Authorization headers → principals; what was seen within FRESH seconds costs a dictionary look-up.

    Every answer counts as one call of the key towards its rate limit, in this process.
    """

    def __init__(self, engine: Engine, watch: Watch, rate_limit: RateLimit | None = None) -> None:
        self._engine, self._watch = engine, watch
        self._rate_limit = rate_limit
        self._seen: dict[str, _Known] = {}
        self._buckets: dict[int, Bucket] = {}
        self.usage = KeyUsage(engine)

    def known(self, header: str | None, address: str) -> Principal | None:
        """The principal, where the header was accepted a moment ago from there. Never blocks. Raises TooManyError."""
        seen = self._seen.get(header or "")
        if seen is None or time.monotonic() >= seen.until or address not in seen.addresses:
            return None
        if seen.bucket is not None:
            seen.bucket.take()
        return seen.principal

    def charge(self, principal: Principal, rows: int) -> None:
        """Count what a call holds beyond its first row towards the rate limit of its key."""
        bucket = self._buckets.get(principal.key or 0)
        if bucket is not None and rows > 0:
            bucket.charge(rows)

    def authenticate(self, header: str | None, address: str) -> Principal:
        """The principal of `Bearer wb_…`. May ask the database.

        Raises UnauthenticatedError, TooManyError, UnavailableError.
        """
        principal = self.known(header, address)
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
        scopes = frozenset(cast(Scope, scope) for scope in row.scopes.split())
        principal, bucket = Principal(f"key:{row.name}", scopes, row.id), self._bucket(row)
        before = self._seen.get(cast(str, header))
        addresses = frozenset((address,)) | (before.addresses if before is not None else frozenset())
        self._seen[cast(str, header)] = _Known(principal, time.monotonic() + life, bucket, addresses)
        if self.usage.note(row, address):
            self._watch.note("new_address", principal.name, address)
        if bucket is not None:
            bucket.take()
        return principal

    def _bucket(self, row: ApiKey) -> Bucket | None:
        """The key's own, which outlives what is remembered of a header."""
        limit = self._rate_limit if row.rate_limit is None else RateLimit.parse(row.rate_limit)
        if limit is None:
            return None
        found = self._buckets.get(cast(int, row.id))
        if found is None or found.limit != limit:
            found = self._buckets[cast(int, row.id)] = Bucket(limit, owner=f"key:{row.name}")
        return found

    def forget(self, header: str | None = None) -> None:
        """Ask the database again about this header, or about all."""
        if header is None:
            self._seen.clear()
        else:
            self._seen.pop(header, None)


def prefix_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What tells of a key that was sent which one it is, or was; nothing where none was sent, or something else."""
    sent = next((value for name, value in headers if name == b"authorization"), b"").decode("latin-1")
    key = sent.partition(" ")[2].strip()
    return key[:11] if KEY_FORM.fullmatch(key) else ""


def _bearer(header: str | None) -> str:
    if not header:
        raise UnauthenticatedError("send a key: Authorization: Bearer wb_…")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not KEY_FORM.fullmatch(key.strip()):
        raise UnauthenticatedError("the credential is not of the form: Authorization: Bearer wb_…")
    return key.strip()
