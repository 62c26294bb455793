"""Units by variant as they are assigned, without waiting for maturity: first decisions, each unit's one.

A decision's instant of maturity is its own plus the revision's window and grace, so that a revision's decisions are in
the order of maturity, too. The job that counts what is open adds them up as far as all are committed (ASSIGNED, under
the cursors of `store.maturity`); a reading counts what came since, up to MOST: the check holds for any beginning of the
sequence.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from experiments.model.trust_sums import ASSIGNED, ENROLLED, SEPARATOR
from experiments.store.joining.matured import MATURED, Cursor, cursor_of
from experiments.store.joining.maturity import Counted, Span, counted
from experiments.store.rollups.trust_sums import Sums, TrustKey, read_trust, write_trust

Units = dict[tuple[int, str], int]
"""(revision, variant) → units."""

MOST = 20_000
"""Decisions that a reading counts one by one."""

_FOREVER = 2**62
_FIRST = """
SELECT t.revision, t.variant, count(*) FROM (
  SELECT d.id, d.revision, d.variant, d.epoch, d.attempt, d.mode FROM decisions d
  WHERE d.experiment_id = :id AND d.matures_at >= :start AND d.matures_at < :end
  AND (d.matures_at > :start OR d.id > :after) AND (:revision = 0 OR d.revision = :revision)
  ORDER BY d.matures_at, d.id LIMIT :most
) t LEFT JOIN voids v ON v.decision_id = t.id
WHERE t.epoch = 0 AND t.attempt = 0 AND t.mode <> 'forced' AND coalesce(v.reason, '') <> 'replay_rejected'
GROUP BY t.revision, t.variant
"""


def assigned_units(connection: Connection, experiment_id: int, sums: Mapping[TrustKey, Sums]) -> Units:
    """Of all revisions; of what has matured where nothing else is counted yet, and of what came since.

    `sums`: the experiment's, as `read_trust` has them.
    """
    known = counted(connection, experiment_id)
    started = {int(key.place.split(SEPARATOR)[0]) for key in sums if key.name == ASSIGNED}
    found: Units = {}
    for key, row in sums.items():
        revision, _, variant = key.place.partition(SEPARATOR)
        joined = key.name == ENROLLED and int(revision) not in started
        if joined or (key.name == ASSIGNED and variant):
            found[int(revision), variant] = int(row[0])
    reached = cursor_of(connection, experiment_id, MATURED)
    for span in _since(known, started, reached):
        for place, units in first_decisions(connection, experiment_id, span, MOST).items():
            if place[0] == span.revision or (span.revision == 0 and place[0] not in started):
                found[place] = found.get(place, 0) + units
    return found


def _since(known: Mapping[int, Counted], started: set[int], reached: Cursor) -> list[Span]:
    """What is to be counted one by one: beyond the joiner, and beyond what is counted of a revision."""
    spans = [Span(known[number].through, _FOREVER, number) for number in sorted(started) if not known[number].closed]
    return [Span(reached.through, _FOREVER, 0, reached.through_id), *spans]


def first_decisions(connection: Connection, experiment_id: int, span: Span, most: int = _FOREVER) -> Units:
    """Counted one by one, among the first `most` decisions of the span."""
    asked: dict[str, Any] = {"id": experiment_id, "most": most, **span._asdict()}
    rows = connection.execute(text(_FIRST), asked)
    return {(int(row[0]), str(row[1])): int(row[2]) for row in rows}


def is_started(connection: Connection, experiment_id: int, revision: int) -> bool:
    """Whether the revision's units are counted at all: those before the span at hand are to be counted, too."""
    return _mark(revision) in read_trust(connection, experiment_id)


def add_assigned(connection: Connection, experiment_id: int, revision: int, units: Units) -> None:
    """Add a revision's units to what is counted."""
    stored = read_trust(connection, experiment_id)
    added = {
        TrustKey(ASSIGNED, f"{number}{SEPARATOR}{variant}"): np.array([count], dtype=np.float64)
        for (number, variant), count in units.items()
    }
    rows = {key: stored.get(key, 0.0) + count for key, count in added.items()}
    write_trust(connection, experiment_id, {_mark(revision): np.zeros(1), **rows})


def _mark(revision: int) -> TrustKey:
    return TrustKey(ASSIGNED, str(revision))
