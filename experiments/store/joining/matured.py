"""What the joiner reads and writes: matured decisions, their outcomes, logged rounds, the cursor."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from experiments.model.tables import SQLModel
from experiments.model.tables.workers import LoggedRound
from experiments.store.core.bulk import insert_rows, is_sqlite, one_of, values_for
from experiments.store.core.locks import Lock


class Matured(NamedTuple):
    """A decision that is due, with what only the database knows of its neighbours.

    `next_at`: the unit's next decision in the experiment. `new_unit`, `new_arm_unit`: whether the unit is counted for
    the first time in the variant (intention to treat) and among the delivered decisions of the arm.
    """

    id: int
    unit_id: str
    revision: int
    variant: str
    arm: str
    propensity: float
    mode: str
    decided_at: int
    matures_at: int
    record: str
    void: str | None
    next_at: int | None
    new_unit: bool
    new_arm_unit: bool
    epoch: int
    attempt: int
    snapshot_id: int | None


class StoredOutcome(NamedTuple):
    """An outcome as attribution sees it."""

    decision_id: int | None
    unit_id: str | None
    source: str
    event_id: str
    kind: str
    value: float | None
    occurred_at: int
    received_at: int
    received_clock: int | None


class Cursor(NamedTuple):
    """A place in the order (matures_at, decision id)."""

    through: int
    through_id: int


class Stage(NamedTuple):
    """What is joined when: whole rounds at maturity, or, of one revision, early ones `lead` microseconds before."""

    name: str
    table: type[SQLModel]
    lead: int = 0
    revision: int | None = None


MATURED = Stage("matured", LoggedRound)
BEGINNING = Cursor(-(2**62), 0)

_EARLIER = """CASE WHEN d.epoch = 0 AND d.attempt = 0 THEN 1 WHEN EXISTS (
  SELECT 1 FROM decisions p LEFT JOIN voids w ON w.decision_id = p.id
  WHERE p.experiment_id = d.experiment_id AND p.unit_id = d.unit_id AND (p.epoch, p.attempt) < (d.epoch, d.attempt)
  AND p.mode <> 'forced' AND {same}) THEN 0 ELSE 1 END"""
NEW_UNIT = _EARLIER.format(same="p.variant = d.variant AND coalesce(w.reason, '') <> 'replay_rejected'")
NEW_ARM_UNIT = _EARLIER.format(same="p.arm = d.arm AND w.decision_id IS NULL")
_NEXT = """(SELECT n.decided_at FROM decisions n WHERE n.experiment_id = d.experiment_id AND n.unit_id = d.unit_id
  AND (n.epoch, n.attempt) > (d.epoch, d.attempt) ORDER BY n.epoch, n.attempt LIMIT 1)"""
_MATURED = f"""
SELECT d.id, d.unit_id, d.revision, d.variant, d.arm, d.propensity, d.mode, d.decided_at, d.matures_at, d.record,
  v.reason, {_NEXT}, {NEW_UNIT}, {NEW_ARM_UNIT}, d.epoch, d.attempt, d.snapshot_id
FROM decisions d LEFT JOIN voids v ON v.decision_id = d.id
WHERE d.experiment_id = :experiment_id AND d.matures_at >= :after AND d.matures_at <= :until
  AND (d.matures_at > :after OR d.id > :after_id) AND (:revision IS NULL OR d.revision = :revision)
  AND NOT EXISTS (SELECT 1 FROM {{table}} l WHERE l.decision_id = d.id)
ORDER BY d.matures_at, d.id LIMIT :count
"""  # noqa: S608 - nothing of a caller's
_COUNT = """
SELECT count(*) FROM (SELECT 1 FROM decisions d WHERE d.experiment_id = :experiment_id AND d.matures_at >= :after
  AND d.matures_at <= :until AND (d.matures_at > :after OR d.id > :after_id)
  AND (:revision IS NULL OR d.revision = :revision)
  AND NOT EXISTS (SELECT 1 FROM {table} l WHERE l.decision_id = d.id) LIMIT :count) AS due
"""
_OUTCOMES = "SELECT {columns} FROM outcomes o WHERE o.outcome_class <> 'late' AND "
_LAST_SEQUENCE = """
SELECT max((SELECT coalesce(max(seq), 0) FROM logged_rounds), (SELECT coalesce(max(seq), 0) FROM early_rounds))
"""
_LAST_OF_EXPERIMENT = """
SELECT (SELECT max(seq) FROM logged_rounds WHERE experiment_id = :experiment_id),
       (SELECT max(seq) FROM early_rounds WHERE experiment_id = :experiment_id)
"""
_MOVE = """
INSERT INTO join_cursors (experiment_id, stage, through, through_id)
VALUES (:experiment_id, :stage, :through, :through_id)
ON CONFLICT (experiment_id, stage) DO UPDATE SET through = excluded.through, through_id = excluded.through_id
"""


def cursor_of(connection: Connection, experiment_id: int, stage: Stage) -> Cursor:
    """How far the stage got."""
    statement = text("SELECT through, through_id FROM join_cursors WHERE experiment_id = :id AND stage = :stage")
    found = connection.execute(statement, {"id": experiment_id, "stage": stage.name}).first()
    return BEGINNING if found is None else Cursor(*found)


def _span(experiment_id: int, stage: Stage, after: Cursor, until: int, count: int) -> dict[str, Any]:
    return {
        "experiment_id": experiment_id,
        "after": after.through,
        "after_id": after.through_id,
        "until": until + stage.lead,
        "revision": stage.revision,
        "count": count,
    }


def matured(
    connection: Connection, experiment_id: int, stage: Stage, after: Cursor, until: int, count: int
) -> list[Matured]:
    """At most `count` decisions of the stage that are due by `until` and not joined, in the joiner's order."""
    statement = _MATURED.format(table=stage.table.__tablename__)
    if not is_sqlite(connection):
        statement = statement.replace(":revision IS NULL", "CAST(:revision AS integer) IS NULL")
    span = _span(experiment_id, stage, after, until, count)
    return [Matured._make(row) for row in _rows(connection, statement, span)]


def count_due(connection: Connection, experiment_id: int, stage: Stage, after: Cursor, until: int, most: int) -> int:
    """How many are due and not joined, counted up to `most`."""
    statement = _COUNT.format(table=stage.table.__tablename__)
    if not is_sqlite(connection):
        statement = statement.replace(":revision IS NULL", "CAST(:revision AS integer) IS NULL")
    found: int = connection.execute(text(statement), _span(experiment_id, stage, after, until, most)).scalar_one()
    return found


def outcomes_seen(connection: Connection) -> int:
    """The highest outcome id; whatever is stored later has a higher one.

    On PostgreSQL ids are handed out before commits, so it waits for intake that is under way.
    """
    exclude_intake(connection)
    found: int = connection.execute(text("SELECT coalesce(max(id), 0) FROM outcomes")).scalar_one()
    return found


def exclude_intake(connection: Connection) -> None:
    """No outcome or void is stored until the transaction ends."""
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.INTAKE.value})


def outcomes_of(connection: Connection, decisions: Sequence[Matured]) -> list[StoredOutcome]:
    """Those that name one of the decisions, and those of their units in the time that concerns them."""
    select = _OUTCOMES.format(columns=", ".join(f"o.{name}" for name in StoredOutcome._fields))
    named = select + one_of(connection, "o.decision_id", "ids")
    by_unit = (
        select + one_of(connection, "o.unit_id", "units") + " AND o.decision_id IS NULL"
        " AND o.occurred_at >= :since AND o.occurred_at <= :until"
    )
    span = {"since": min(one.decided_at for one in decisions), "until": max(one.matures_at for one in decisions)}
    ids = {"ids": values_for(connection, [one.id for one in decisions])}
    units = {"units": values_for(connection, {one.unit_id for one in decisions})}
    rows = [*_rows(connection, named, ids), *_rows(connection, by_unit, units | span)]
    return [StoredOutcome._make(row) for row in rows]


def _rows(connection: Connection, statement: str, named: Mapping[str, object]) -> Sequence[Any]:
    """The driver's own rows: wrapping them takes as long as reading them."""
    result = connection.execute(text(statement), named)
    rows = result.cursor.fetchall()
    result.close()
    return rows


def touched_since(connection: Connection, seen: int, decisions: Sequence[Matured]) -> bool:
    """Whether an outcome stored after `seen` concerns one of these decisions or their units."""
    statement = text("SELECT decision_id, unit_id FROM outcomes WHERE id > :seen AND occurred_at <= :until")
    span = {"seen": seen, "until": max(one.matures_at for one in decisions)}
    newer = connection.execute(statement, span).all()
    if not newer:
        return False
    ids, units = {one.id for one in decisions}, {one.unit_id for one in decisions}
    return any(row[0] in ids or (row[0] is None and row[1] in units) for row in newer)


def count_voids(connection: Connection, ids: Iterable[int]) -> int:
    """How many of the decisions are voided."""
    condition = one_of(connection, "decision_id", "ids")
    statement = text(f"SELECT count(*) FROM voids WHERE {condition}")  # noqa: S608 - nothing of a caller's
    found: int = connection.execute(statement, {"ids": values_for(connection, ids)}).scalar_one()
    return found


def last_sequence(connection: Connection) -> int:
    """The last number of the joiner's sequence."""
    greatest = _LAST_SEQUENCE if is_sqlite(connection) else _LAST_SEQUENCE.replace("max((", "greatest((", 1)
    found: int = connection.execute(text(greatest)).scalar_one()
    return found


def last_sequence_of(connection: Connection, experiment_id: int) -> int:
    """The last number that a round of this experiment has; 0 where it has none."""
    found = connection.execute(text(_LAST_OF_EXPERIMENT), {"experiment_id": experiment_id}).one()
    return max(found[0] or 0, found[1] or 0)


def first_round_of(connection: Connection, experiment_id: int, revision: int) -> int:
    """The number of the experiment's first round of this revision or a later one; one after all where there is none."""
    if revision <= 1:
        return 0
    query = (
        "SELECT seq FROM logged_rounds WHERE experiment_id = :id AND revision >= :revision "
        "ORDER BY experiment_id, seq LIMIT 1"
    )
    found = connection.execute(text(query), {"id": experiment_id, "revision": revision}).scalar()
    return last_sequence(connection) + 1 if found is None else int(found)


def append_rounds(connection: Connection, stage: Stage, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Append rows whose first column, `seq`, is numbered on from the last one."""
    first = last_sequence(connection) + 1
    numbered = [(first + place, *row) for place, row in enumerate(rows)]
    insert_rows(connection, stage.table.__table__, ("seq", *columns), numbered)  # type: ignore[attr-defined]


def move_cursor(connection: Connection, experiment_id: int, stage: Stage, to: Cursor) -> None:
    """Remember how far the stage got."""
    connection.execute(text(_MOVE), {"experiment_id": experiment_id, "stage": stage.name, **to._asdict()})
