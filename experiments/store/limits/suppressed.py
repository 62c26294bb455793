"""Units that nobody may contact."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from experiments.model.times import now
from experiments.store.core.bulk import one_of, values_for

UNSUBSCRIBE = "unsubscribe"

_STORE = """
INSERT INTO suppressions (unit_id, reason, created_at, created_by, expires_at)
VALUES (:unit_id, :reason, :now, :by, :expires_at)
ON CONFLICT (unit_id) DO UPDATE SET reason = excluded.reason, created_at = excluded.created_at,
  created_by = excluded.created_by, expires_at = excluded.expires_at
WHERE suppressions.reason <> 'unsubscribe' OR suppressions.expires_at IS NOT NULL OR excluded.expires_at IS NULL
"""
"""A pause that a list asks for does not end what the person asked for: only a release does."""


def suppress(connection: Connection, units: Iterable[str], why: tuple[str, str], expires_at: int | None = None) -> None:
    """Put units on the list, or say anew (reason, by whom) and until when they are on it."""
    reason, by = why
    values = [
        {"unit_id": unit, "reason": reason, "by": by, "now": now(), "expires_at": expires_at}
        for unit in sorted(set(units))
    ]
    if values:
        connection.execute(text(_STORE), values)


def suppressed_among(connection: Connection, units: Iterable[str]) -> list[str]:
    """Which of these nobody may contact now."""
    among = one_of(connection, "unit_id", "units")
    query = text(f"SELECT unit_id FROM suppressions WHERE (expires_at IS NULL OR expires_at > :now) AND {among}")  # noqa: S608 - ours
    return list(connection.execute(query, {"now": now(), "units": values_for(connection, units)}).scalars())


def release(connection: Connection, unit_id: str) -> bool:
    """Take a unit off the list; whether it was on it."""
    found = connection.execute(text("DELETE FROM suppressions WHERE unit_id = :unit"), {"unit": unit_id})
    return found.rowcount == 1


def suppress_unsubscribed(connection: Connection, units: Mapping[str, str]) -> None:
    """Whoever unsubscribed is contacted no more; `units` maps a unit to the source that says so."""
    for source in sorted(set(units.values())):
        mine = [unit for unit, told in units.items() if told == source]
        suppress(connection, mine, (UNSUBSCRIBE, source[:200]))
