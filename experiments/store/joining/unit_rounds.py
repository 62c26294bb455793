"""Matured rounds with their units and contexts, for what a readout cannot tell from sums."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine, text

from bandit.rounds import Scalar
from experiments.store.core.engine import reading

ROWS_AT_ONCE = 4096


class UnitRound(NamedTuple):
    """One round on intention to treat."""

    seq: int
    unit_id: str
    variant: str
    metrics: Mapping[str, float]
    context: Mapping[str, Scalar]


class _Known(msgspec.Struct):
    context: dict[str, Scalar] = {}


_context = msgspec.json.Decoder(_Known).decode
_metrics = msgspec.json.Decoder(dict[str, float]).decode
_ROUNDS = """
SELECT l.seq, d.unit_id, l.variant, l.metrics, d.record FROM logged_rounds l
JOIN decisions d ON d.id = l.decision_id LEFT JOIN voids v ON v.decision_id = l.decision_id
WHERE l.experiment_id = :id AND l.seq > :after AND d.mode <> 'forced' AND coalesce(v.reason, '') <> 'replay_rejected'
ORDER BY l.seq LIMIT :limit
"""


def unit_rounds(engine: Engine, experiment_id: int) -> Iterator[UnitRound]:
    """All rounds in the joiner's order, read in lists, each in a transaction of its own."""
    after = 0
    while True:
        with reading(engine) as session:
            values = {"id": experiment_id, "after": after, "limit": ROWS_AT_ONCE}
            rows = session.connection().execute(text(_ROUNDS), values).all()
        for row in rows:
            yield UnitRound(row[0], row[1], row[2], _read(row[3]), _context(row[4]).context)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1][0]


def _read(stored: Any) -> Mapping[str, float]:
    return _metrics(stored) if isinstance(stored, str) else stored
