"""Open decisions by when they mature: counted once where all are known, one by one where not.

A decision's instant of maturity is its own plus the revision's window and grace. So once a revision's decisions of some
minutes are all committed, their slots never change: on the server's clock no void leaves the readouts.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text

from experiments.model.tables.maturity import MaturitySlot
from experiments.model.times import SECOND
from experiments.store.core.bulk import insert_rows
from experiments.store.joining.matured import Cursor

SLOT = 600 * SECOND
STAGE = "open:"

_COUNT = f"""
SELECT d.matures_at / {SLOT} AS slot, count(*) FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :id AND d.matures_at >= :start AND d.matures_at < :end
AND (d.matures_at > :start OR d.id > :after)
AND (:revision = 0 OR d.revision = :revision) AND d.mode <> 'forced' AND coalesce(v.reason, '') <> 'replay_rejected'
GROUP BY slot
"""  # noqa: S608 - nothing of a caller's
_SLOTS = "SELECT slot, sum(decisions) FROM maturity_slots WHERE experiment_id = :id AND slot >= :start GROUP BY slot"
_CURSORS = "SELECT stage, through, through_id FROM join_cursors WHERE experiment_id = :id AND stage LIKE 'open:%'"
_REVISIONS = "SELECT number FROM revisions WHERE experiment_id = :id"
_FOREVER = 2**62


class Counted(NamedTuple):
    """How far a revision is counted: decisions that mature before `through`; `closed`: it makes no more of them."""

    through: int
    closed: bool


class Span(NamedTuple):
    """Decisions that mature within [start, end), of one revision (0: of all); those at `start` after a decision id."""

    start: int
    end: int
    revision: int = 0
    after: int = -1


def counted(connection: Connection, experiment_id: int) -> dict[int, Counted]:
    """Revision → how far it is counted."""
    rows = connection.execute(text(_CURSORS), {"id": experiment_id})
    return {int(row.stage.removeprefix(STAGE)): Counted(row.through, bool(row.through_id)) for row in rows}


def count(connection: Connection, experiment_id: int, span: Span) -> Counter[int]:
    """Slot → decisions, counted one by one."""
    rows = connection.execute(text(_COUNT), {"id": experiment_id, **span._asdict()})
    return Counter({int(row[0]): int(row[1]) for row in rows})


def open_decisions(connection: Connection, experiment_id: int, reached: Cursor) -> Counter[int]:
    """Slot → decisions that the joiner has not reached; forced ones and rejected rows of a replay are none."""
    known = counted(connection, experiment_id)
    if not known:
        return count(connection, experiment_id, Span(reached.through, _FOREVER, 0, reached.through_id))
    border = (reached.through // SLOT + 1) * SLOT
    found = count(connection, experiment_id, Span(reached.through, border, 0, reached.through_id))
    for slot, decisions in connection.execute(text(_SLOTS), {"id": experiment_id, "start": border // SLOT}):
        found[slot] += int(decisions)
    for revision in connection.execute(text(_REVISIONS), {"id": experiment_id}).scalars():
        through, closed = known.get(revision, Counted(border, False))
        if not closed:
            found += count(connection, experiment_id, Span(max(border, through), _FOREVER, revision))
    return found


def put_slots(connection: Connection, experiment_id: int, revision: int, slots: Mapping[int, int]) -> None:
    """Remember complete slots."""
    rows = [(experiment_id, revision, slot, decisions) for slot, decisions in sorted(slots.items())]
    columns = ("experiment_id", "revision", "slot", "decisions")
    insert_rows(connection, MaturitySlot.__table__, columns, rows)  # type: ignore[attr-defined]
