"""Guessing passwords is limited, whoever guesses and however many processes are asked; the right person gets in.

Three limits hold at once, and an attempt that one of them refuses takes nothing from the others:

- a bucket for each address (IPv6: for each /64 network), whatever accounts it tries;
- a pause for each account and address, that doubles with every failure;
- a bucket for each account over all addresses.

Whoever has signed in to the account before is not kept out by others: the last limit does not hold for an address from
which it was done, and a browser in which it was done (it keeps a random token) is counted by itself alone. This is the
device cookie of OWASP's "Slow down online guessing attacks with device cookies".

All of it is counted before the password is looked at, so that attempts at the same time are counted too, and alike for
accounts that do not exist. A right password gives back what it took.
"""

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from experiments.errors import TooManyError
from experiments.model.tables.sessions import GuessMark
from experiments.model.times import DAY, HOUR, SECOND, now
from experiments.store.core.engine import hold, transaction
from experiments.store.core.locks import Lock

FREE = 5
"""Failures of one account from one address that cost no pause."""

FIRST_PAUSE, LONGEST_PAUSE = 15 * SECOND, HOUR
KNOWN_FOR = 180 * DAY
"""How long a browser or an address counts as known after a sign-in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an attempt comes from: the client's address, and the token that its browser kept of a sign-in before."""

    address: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`burst` attempts at once, one more every `every` microseconds. `until` of its mark is when it is full again."""

    digest: str
    burst: int
    every: int

    def wait(self, mark: GuessMark, moment: int) -> int:
        """Microseconds until the next attempt is allowed; not above 0: now."""
        return max(mark.until, moment) + self.every - self.burst * self.every - moment

    def take(self, mark: GuessMark, moment: int) -> None:
        """Count one attempt."""
        mark.until = mark.forget_at = max(mark.until, moment) + self.every

    def give_back(self, mark: GuessMark) -> None:
        """It was no guess."""
        mark.until = mark.forget_at = mark.until - self.every


@dataclass(frozen=True, slots=True)
class Pause:
    """After FREE attempts a pause, twice as long after each further one; a day without any, and all is forgotten."""

    digest: str

    def wait(self, mark: GuessMark, moment: int) -> int:
        """Microseconds until the next attempt is allowed; not above 0: now."""
        return mark.until - moment

    def take(self, mark: GuessMark, moment: int) -> None:
        """Count one attempt."""
        mark.count += 1
        beyond = mark.count - FREE
        mark.until = moment + (0 if beyond < 0 else min(FIRST_PAUSE << min(beyond, 20), LONGEST_PAUSE))
        mark.forget_at = moment + DAY

    def give_back(self, mark: GuessMark) -> None:
        """The person knows the password: nothing of what was before counts."""
        mark.count = mark.until = mark.forget_at = 0


Limit = Bucket | Pause


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that was allowed, and what it took."""

    email: str
    origin: Origin
    limits: Sequence[Limit]
    device_known: bool


def admit(engine: Engine, email: str, origin: Origin) -> Attempt:
    """Count an attempt. Raises TooManyError where a limit is reached, UnavailableError."""
    moment = now()
    with transaction(engine) as session:
        hold(session, Lock.SIGN_INS)
        session.execute(delete(GuessMark).where(col(GuessMark.forget_at) <= moment))
        attempt = _attempt(session, email, origin)
        marks = _marks(session, attempt.limits)
        wait = max(limit.wait(mark, moment) for limit, mark in zip(attempt.limits, marks, strict=True))
        if wait > 0:
            raise TooManyError("there were too many attempts; wait a little, then try again", -(-wait // SECOND))
        for limit, mark in zip(attempt.limits, marks, strict=True):
            limit.take(mark, moment)
            session.add(mark)
    return attempt


def succeed(engine: Engine, attempt: Attempt) -> str:
    """The password was right: give back what the attempt took, and know its address and browser from now on.

    The token that the browser shall keep. It is a new one unless the browser was known: nobody can plant a token in
    somebody else's browser and have it become known.
    """
    device = attempt.origin.device if attempt.device_known else secrets.token_urlsafe(32)
    until = now() + KNOWN_FOR
    with transaction(engine) as session:
        hold(session, Lock.SIGN_INS)
        for limit, mark in zip(attempt.limits, _marks(session, attempt.limits), strict=True):
            limit.give_back(mark)
            session.add(mark)
        for digest in (_device(attempt.email, device), _place(attempt.email, attempt.origin.address)):
            session.merge(GuessMark(digest=digest, until=until, forget_at=until))
    return device


def _attempt(session: Session, email: str, origin: Origin) -> Attempt:
    """What holds for whoever comes from there."""
    device, place = _device(email, origin.device), _place(email, origin.address)
    known = set(session.exec(select(GuessMark.digest).where(col(GuessMark.digest).in_([device, place]))).all())
    if device in known:
        return Attempt(email, origin, [Pause(_digest("pause", device))], True)
    limits: list[Limit] = [
        Pause(_digest("pause", place)),
        Bucket(_digest("address", network_of(origin.address)), 30, 30 * SECOND),
    ]
    if place not in known:
        limits.append(Bucket(_digest("account", email), 100, 300 * SECOND))
    return Attempt(email, origin, limits, False)


def _marks(session: Session, limits: Sequence[Limit]) -> list[GuessMark]:
    """The mark of each limit; a new one where there is none."""
    found = session.exec(select(GuessMark).where(col(GuessMark.digest).in_([limit.digest for limit in limits])))
    by_digest = {mark.digest: mark for mark in found}
    return [by_digest.get(limit.digest) or GuessMark(digest=limit.digest, until=0, forget_at=0) for limit in limits]


def network_of(address: str) -> str:
    """What one client can choose from: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def _device(email: str, token: str) -> str:
    return _digest("device", email, token)


def _place(email: str, address: str) -> str:
    return _digest("place", email, network_of(address))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()
