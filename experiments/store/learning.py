"""What the learner reads and writes: rounds after a watermark, heads of learners, snapshots."""

from collections.abc import Collection
from heapq import merge
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, insert, text
from sqlmodel import col

from experiments.model.tables.workers import Snapshot
from experiments.store.core.bulk import one_of, values_for


class LearnerHead(NamedTuple):
    """Where a learner stands: every learnable round up to `trained_through` is in the snapshot."""

    variant: str
    revision: int
    snapshot_id: int | None
    trained_through: int


class Lesson(NamedTuple):
    """One round to learn, in the joiner's sequence."""

    seq: int
    revision: int
    arm: str
    propensity: float
    marginal_propensity: float | None
    reward: float
    unit_id: str
    record: str


class Curriculum(NamedTuple):
    """Which rounds a learner takes.

    Attributes:
        variant: only rounds of this variant; None: of all.
        matured: revisions whose rounds are learned at maturity.
        early: revisions whose rounds are learned when their learning window closes.
    """

    experiment_id: int
    variant: str | None
    matured: Collection[int]
    early: Collection[int]


class StoredSnapshot(NamedTuple):
    """A sealed snapshot and the hash it was stored with."""

    body: bytes
    sha256: str


class Published(NamedTuple):
    """What a learner publishes: its head as it will be, the sealed snapshot, and how many rounds it has seen."""

    experiment_id: int
    head: LearnerHead
    snapshot: StoredSnapshot
    rounds: int
    at: int


_LESSONS = """
SELECT l.seq, l.revision, l.arm, l.propensity, l.marginal_propensity, l.reward, d.unit_id, d.record
FROM {table} l JOIN decisions d ON d.id = l.decision_id
WHERE l.experiment_id = :experiment_id AND l.seq > :after AND l.seq <= :until AND l.learnable AND {revisions} {own}
ORDER BY l.seq LIMIT :count
"""
_HEADS = "SELECT variant, revision, snapshot_id, trained_through FROM learners WHERE experiment_id = :id"
_SET_HEAD = """
INSERT INTO learners (experiment_id, variant, revision, snapshot_id, trained_through)
VALUES (:experiment_id, :variant, :revision, :snapshot_id, :trained_through)
ON CONFLICT (experiment_id, variant) DO UPDATE SET
  revision = excluded.revision, snapshot_id = excluded.snapshot_id, trained_through = excluded.trained_through
"""


def learner_heads(connection: Connection, experiment_id: int) -> dict[str, LearnerHead]:
    """The heads of an experiment's learners, by variant."""
    return {row[0]: LearnerHead(*row) for row in connection.execute(text(_HEADS), {"id": experiment_id})}


def set_head(connection: Connection, experiment_id: int, head: LearnerHead) -> None:
    """Write a head."""
    connection.execute(text(_SET_HEAD), {"experiment_id": experiment_id, **head._asdict()})


def lessons(connection: Connection, curriculum: Curriculum, after: int, until: int, count: int) -> list[Lesson]:
    """The next `count` learnable rounds with `after` < seq <= `until`, in their sequence."""
    found = [
        _lessons_of(connection, table, curriculum, (revisions, after, until, count))
        for table, revisions in (("logged_rounds", curriculum.matured), ("early_rounds", curriculum.early))
        if revisions
    ]
    return found[0] if len(found) == 1 else list(islice(merge(*found, key=lambda lesson: lesson.seq), count))


def _lessons_of(
    connection: Connection, table: str, curriculum: Curriculum, span: tuple[Collection[int], int, int, int]
) -> list[Lesson]:
    revisions, after, until, count = span
    own = "" if curriculum.variant is None else "AND l.variant = :variant"
    statement = _LESSONS.format(table=table, revisions=one_of(connection, "l.revision", "revisions"), own=own)
    values = {
        "experiment_id": curriculum.experiment_id,
        "after": after,
        "until": until,
        "count": count,
        "revisions": values_for(connection, revisions),
    }
    if curriculum.variant is not None:
        values["variant"] = curriculum.variant
    return [Lesson._make(row) for row in connection.execute(text(statement), values)]


def stored_snapshot(connection: Connection, snapshot_id: int) -> StoredSnapshot:
    """The sealed bytes of a snapshot."""
    found = connection.execute(text("SELECT body, sha256 FROM snapshots WHERE id = :id"), {"id": snapshot_id}).one()
    return StoredSnapshot(bytes(found.body), found.sha256)


def publish(connection: Connection, published: Published) -> int:
    """Store the snapshot and move the learner's head to it; the snapshot's id."""
    head = published.head
    values = {
        "experiment_id": published.experiment_id,
        "variant": head.variant,
        "revision": head.revision,
        "parent_id": head.snapshot_id,
        "sha256": published.snapshot.sha256,
        "trained_through": head.trained_through,
        "rounds": published.rounds,
        "created_at": published.at,
        "body": published.snapshot.body,
    }
    number = int(connection.execute(insert(Snapshot).values(values).returning(col(Snapshot.id))).scalar_one() or 0)
    set_head(connection, published.experiment_id, head._replace(snapshot_id=number))
    return number
