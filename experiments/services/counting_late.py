"""Outcomes that came too late to count, by variant: what the check of outcome lags has beside those that counted."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, text

from experiments.model.trust_sums import LATE, LATE_THROUGH
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.joining.matured import outcomes_seen
from experiments.store.rollups.trust_sums import TrustKey, read_trust, write_trust

SERVICE = 0
"""The number of no experiment: what is of the whole service."""

AT_ONCE = 20_000
"""Outcomes looked at in one transaction; few of them are late."""

_LATE = """
SELECT d.experiment_id, d.variant FROM outcomes o JOIN decisions d ON d.id = o.decision_id
WHERE o.id > :after AND o.id <= :until AND o.outcome_class = 'late' AND d.epoch = 0 AND d.attempt = 0
AND NOT EXISTS
  (SELECT 1 FROM outcomes e WHERE e.decision_id = o.decision_id AND e.outcome_class = 'late' AND e.id < o.id)
"""
_CURSOR = TrustKey(LATE_THROUGH, "")


class Span(NamedTuple):
    """Outcomes by id: after one, up to another."""

    after: int
    until: int


def count_late(engine: Engine, lease: Lease) -> int:
    """Count what came since the last time: first decisions with a late outcome, each once. Raises LeaseLostError."""
    with reading(engine) as session:
        last = outcomes_seen(session.connection())
        known = read_trust(session.connection(), SERVICE).get(_CURSOR)
    after, counted = 0 if known is None else int(known[0]), 0
    while after < last:
        span = Span(after, min(after + AT_ONCE, last))
        with fenced(engine, lease) as session:
            counted += _count(session.connection(), span)
        after = span.until
    return counted


def _count(connection: Connection, span: Span) -> int:
    found = Counter((row[0], row[1]) for row in connection.execute(text(_LATE), span._asdict()))
    for number in {number for number, _ in found}:
        stored = read_trust(connection, number)
        added = {TrustKey(LATE, variant): np.array([n], float) for (one, variant), n in found.items() if one == number}
        write_trust(connection, number, {key: stored.get(key, 0.0) + sums for key, sums in added.items()})
    write_trust(connection, SERVICE, {_CURSOR: np.array([span.until], dtype=np.float64)})
    return found.total()
