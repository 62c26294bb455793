"""Asks of globally held-out units."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text


class HeldOut(NamedTuple):
    """A held-out unit's first ask, and when a decision of that instant would have matured."""

    unit_id: str
    asked_at: int
    matures_at: int


_STORE = text("""
INSERT INTO held_out_asks (unit_id, asked_at, matures_at)
SELECT CAST(:unit_id AS text), CAST(:asked_at AS bigint), CAST(:matures_at AS bigint)
WHERE NOT EXISTS (SELECT 1 FROM portfolio_units WHERE unit_id = CAST(:unit_id AS text))
ON CONFLICT (unit_id) DO NOTHING
""")


def store_held_out(connection: Connection, asks: Sequence[HeldOut]) -> None:
    """Store those of units that are not known yet."""
    if asks:
        connection.execute(_STORE, [ask._asdict() for ask in asks])
