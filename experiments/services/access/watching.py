"""Signs of trouble: who was refused, from where, how often. Noted in memory, written down as one row for each hour.

However many there are, the table stays small: the same kind, subject and address within an hour are one row with a
count, an hour has at most MOST rows of a kind (the rest is `others`), and rows are forgotten after KEPT.
"""

import threading
from typing import Literal, NamedTuple, get_args

import structlog
from sqlalchemy import Engine, delete, func, update
from sqlmodel import Session, col, select

from experiments.model.access.principal import Principal, require
from experiments.model.tables.credentials import SecurityEvent
from experiments.model.times import DAY, HOUR, now, to_rfc3339
from experiments.store.core.engine import hold, reading, transaction
from experiments.store.core.locks import Lock

Kind = Literal[
    "sign_in_failed", "locked_out", "unknown_key", "refused_scope", "new_address", "rate_limited", "audit_broken"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NEXT: dict[Kind, str] = {
    "sign_in_failed": "If many come from one address, block it before the service; ask the person whether it was them.",
    "locked_out": "Somebody guesses a password: tell the person, who may still sign in from a browser used before.",
    "unknown_key": "A system sends an old or mistyped key: look where it runs, and give it the new one.",
    "refused_scope": "Give the key or person what the work needs, or revoke it where the call is not theirs.",
    "new_address": "If nobody moved the system, rotate its key: winback key rotate.",
    "rate_limited": "Raise the key's limit, or find out why the system calls so often.",
    "audit_broken": "Run winback audit verify, and compare with the log and a backup.",
}
"""What an administrator may do about each."""

MOST = 50
KEPT = 30 * DAY
OTHERS = "others"
_REMEMBERED = 500
_log = structlog.get_logger("winback.security")


class _Place(NamedTuple):
    kind: str
    subject: str
    address: str
    hour: int


class Watch:
    """What one process saw; safe for threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._noted: dict[_Place, list[int]] = {}
        self._totals: dict[str, int] = {}

    def note(self, kind: Kind, subject: str, address: str) -> None:
        """One more. `subject` is a key or a person with a login, never a unit. Costs no look at the database."""
        moment = now()
        place = _Place(kind, subject[:200], address[:64], moment - moment % HOUR)
        with self._lock:
            if place not in self._noted and len(self._noted) >= _REMEMBERED:
                place = place._replace(subject=OTHERS, address=OTHERS)
            found = self._noted.setdefault(place, [0, moment, moment])
            found[0], found[2] = found[0] + 1, moment
            seen = found[0]
        if seen & (seen - 1) == 0:  # 1, 2, 4, 8, …: a flood does not fill the log either
            _log.warning("security event", kind=kind, subject=place.subject, address=place.address, seen=seen)

    def counted(self) -> dict[str, int]:
        """How many of each kind there were since ever, as last looked at, and what this process has to write down."""
        with self._lock:
            found: dict[str, int] = {kind: self._totals.get(kind, 0) for kind in KINDS}
            for place, (count, *_) in self._noted.items():
                found[place.kind] = found.get(place.kind, 0) + count
        return found

    def look(self) -> None:
        """Learn what all processes counted. Raises UnavailableError."""
        found = totals(self._engine)
        with self._lock:
            self._totals = found

    def store(self) -> None:
        """Write down what was noted. Raises UnavailableError; what was noted is kept then."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            with transaction(self._engine) as session:
                hold(session, Lock.SECURITY_EVENTS)
                session.execute(delete(SecurityEvent).where(col(SecurityEvent.hour) < now() - KEPT, _NO_TOTAL))
                for place, (count, first, last) in sorted(noted.items()):
                    _add(session, _placed(session, place), count, (first, last))
                    _add(session, _Place(place.kind, "", "", TOTAL), count, (first, last))
        except BaseException:
            with self._lock:
                self._noted = {**noted, **self._noted}
            raise


TOTAL = 0
"""The hour of the row that counts a kind since ever."""
_NO_TOTAL = col(SecurityEvent.hour) > TOTAL


def note_now(engine: Engine, kind: Kind, subject: str, address: str) -> None:
    """Note one and write it down at once. Raises UnavailableError."""
    watch = Watch(engine)
    watch.note(kind, subject, address)
    watch.store()


def totals(engine: Engine) -> dict[str, int]:
    """How many of each kind there were since ever, in all processes. Raises UnavailableError."""
    with reading(engine) as session:
        counted = select(SecurityEvent.kind, SecurityEvent.count).where(SecurityEvent.hour == TOTAL)
        return dict(session.exec(counted).all())


def security_events(engine: Engine, principal: Principal, limit: int = 200) -> list[dict[str, object]]:
    """The latest, newest first, with a next step. Raises ForbiddenError without the scope `admin`."""
    require(principal, "admin")
    query = select(SecurityEvent).where(_NO_TOTAL).order_by(col(SecurityEvent.last_at).desc()).limit(limit)
    with reading(engine) as session:
        return [_document(row) for row in session.exec(query)]


def _document(row: SecurityEvent) -> dict[str, object]:
    return {
        "kind": row.kind,
        "subject": row.subject,
        "address": row.address,
        "count": row.count,
        "first_at": to_rfc3339(row.first_at),
        "last_at": to_rfc3339(row.last_at),
        "next_step": next((step for kind, step in NEXT.items() if kind == row.kind), ""),
    }


def _placed(session: Session, place: _Place) -> _Place:
    """The row of its own, or that of the others where its hour is full."""
    if session.get(SecurityEvent, place) is not None:
        return place
    of_hour = select(func.count()).where(SecurityEvent.kind == place.kind, SecurityEvent.hour == place.hour)
    return place if session.exec(of_hour).one() < MOST else place._replace(subject=OTHERS, address=OTHERS)


def _add(session: Session, place: _Place, count: int, span: tuple[int, int]) -> None:
    if session.get(SecurityEvent, place) is None:
        session.add(SecurityEvent(**place._asdict(), count=count, first_at=span[0], last_at=span[1]))
        session.flush()
        return
    same = [getattr(SecurityEvent, name) == value for name, value in place._asdict().items()]
    session.execute(update(SecurityEvent).where(*same).values(count=col(SecurityEvent.count) + count, last_at=span[1]))
