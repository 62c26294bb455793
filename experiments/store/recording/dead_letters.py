"""Dead letters in the database."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, text, update
from sqlmodel import Session, col, select

from experiments.model.tables.streams import DeadLetter

_KEEP = text(
    "INSERT INTO dead_letters (digest, stream, reason, body, died_at) "
    "VALUES (:digest, :stream, :reason, :body, :died_at) ON CONFLICT (digest) DO UPDATE "
    "SET reason = excluded.reason, died_at = excluded.died_at, replayed_at = NULL"
)

_AT_ONCE = 100


class Letter(NamedTuple):
    """A message that could not be taken from `stream`, and why."""

    stream: str
    body: bytes
    reason: str

    @property
    def digest(self) -> str:
        """What makes it unique."""
        return hashlib.sha256(self.stream.encode() + b"\0" + self.body).hexdigest()


def keep(connection: Connection, letters: Iterable[Letter], at: int) -> None:
    """Keep what is not kept yet; what was replayed and came back waits again."""
    rows = {each.digest: {**each._asdict(), "digest": each.digest, "died_at": at} for each in letters}
    if rows:
        # In one order everywhere: two consumers that keep the same letters must not wait for each other.
        connection.execute(_KEEP, [rows[digest] for digest in sorted(rows)])


def waiting(session: Session, ids: Sequence[int] | None, after: int, limit: int) -> Sequence[DeadLetter]:
    """Letters that were not replayed since they came, oldest first; of these ids, or (None) of all."""
    query = select(DeadLetter).where(col(DeadLetter.replayed_at).is_(None), col(DeadLetter.id) > after)
    if ids is not None:
        query = query.where(col(DeadLetter.id).in_(ids))
    return session.exec(query.order_by(col(DeadLetter.id)).limit(limit)).all()


def sent(session: Session, ids: Sequence[int]) -> dict[int, int | None]:
    """Those of these ids that are kept, and since when each was replayed; None: it waits."""
    query = select(DeadLetter.id, DeadLetter.replayed_at).where(col(DeadLetter.id).in_(ids))
    return {int(number or 0): at for number, at in session.exec(query)}


def note_replayed(session: Session, ids: Sequence[int], at: int) -> None:
    """These were sent again from `at` on; one that has come back since then still waits."""
    query = update(DeadLetter).where(col(DeadLetter.id).in_(ids), col(DeadLetter.died_at) < at)
    session.connection().execute(query.values(replayed_at=at))


def bury(session: Session, names: Collection[str]) -> int:
    """Delete the letters in whose body one of these is a string of its own, replayed or not; how many."""
    gone, after = 0, 0
    while True:
        query = select(DeadLetter.id, DeadLetter.body).where(col(DeadLetter.id) > after)
        letters = session.exec(query.order_by(col(DeadLetter.id)).limit(_AT_ONCE)).all()
        if not letters:
            return gone
        theirs = [number for number, body in letters if _names(body, names)]
        if theirs:
            session.connection().execute(delete(DeadLetter).where(col(DeadLetter.id).in_(theirs)))
        gone, after = gone + len(theirs), int(letters[-1][0] or 0)


def _names(body: bytes, names: Collection[str]) -> bool:
    """By what the body says, or by its bytes where it is no JSON."""
    if any(json.dumps(name, ensure_ascii=escaped).encode() in body for name in names for escaped in (True, False)):
        return True
    return any(each in names for each in _strings(body))


def strings_of_letters(session: Session) -> Iterator[str]:
    """Every string in the bodies that are JSON: which of them are units, only somebody who knows them can tell."""
    for body in session.exec(select(DeadLetter.body).order_by(col(DeadLetter.id))):
        yield from _strings(body)


def _strings(body: bytes) -> Iterator[str]:
    try:
        found = [msgspec.json.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    while found:
        each: Any = found.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict | list):
            found += each.values() if isinstance(each, dict) else each
