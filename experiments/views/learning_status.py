"""How far joining and learning have come: what a caller waits for before the next step of a replay."""

from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from experiments.model.access.principal import Principal, require
from experiments.model.times import now, to_rfc3339
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.designing.revisions import RevisionBook, RevisionFacts
from experiments.store.joining.matured import count_due, cursor_of, last_sequence_of
from experiments.store.joining.stages import horizon_of, stages_of
from experiments.store.learning import LearnerHead, learner_heads

COUNTED = 10_000
"""Pending decisions are counted up to this many."""

_SNAPSHOTS = "SELECT count(*) FROM snapshots WHERE experiment_id = :id AND variant = :variant"
_ROUNDS = "SELECT rounds, created_at FROM snapshots WHERE id = :id"


def learning_status(engine: Engine, principal: Principal, key: str) -> dict[str, Any]:
    """`settled`: nothing that has matured is unjoined, nothing learnable unlearned, every snapshot published.

    Raises ForbiddenError, NotFoundError.
    """
    require(principal, "read")
    with reading(engine) as session:
        row = find(session, key)
        number = int(row.id or 0)
        facts = RevisionBook().all(session, number, row.revision) if row.status != "draft" else {}
        until = horizon_of(facts, row.clock_now, now()) if facts else None
        pending = 0 if until is None else _pending(session, number, facts, until)
        joined = last_sequence_of(session.connection(), number)
        learners = _learners(session.connection(), number, facts.get(row.revision), joined)
    return {
        "experiment": key,
        "as_of": None if until is None else to_rfc3339(until),
        "settled": pending == 0 and all(learner["settled"] for learner in learners),
        "pending": pending,
        "joined_through": joined,
        "learners": learners,
    }


def _pending(session: Session, number: int, facts: dict[int, RevisionFacts], until: int) -> int:
    """Decisions that are due and not joined, early rounds included."""
    connection = session.connection()
    return sum(
        count_due(connection, number, stage, cursor_of(connection, number, stage), until, COUNTED)
        for stage in stages_of(facts)
    )


def _learners(connection: Connection, number: int, facts: RevisionFacts | None, joined: int) -> list[dict[str, Any]]:
    if facts is None:
        return []
    known = learner_heads(connection, number)
    variants, shadows = facts.definition.variants, facts.definition.shadow
    makers = [*((each.key, each.policy) for each in variants), *((each.key, each.policy) for each in shadows)]
    taught = {key: policy.name for key, policy in makers if policy.kind.learned}
    fresh = LearnerHead("", facts.number, None, 0)
    return [
        _learner(connection, number, policy, known.get(key, fresh._replace(variant=key)), joined)
        for key, policy in taught.items()
    ]


def _learner(connection: Connection, number: int, policy: str, head: LearnerHead, joined: int) -> dict[str, Any]:
    rounds, created_at = 0, None
    if head.snapshot_id is not None:
        rounds, created_at = connection.execute(text(_ROUNDS), {"id": head.snapshot_id}).one()
    published = connection.execute(text(_SNAPSHOTS), {"id": number, "variant": head.variant}).scalar_one()
    return {
        "variant": head.variant,
        "policy": policy,
        "revision": head.revision,
        "snapshot_id": head.snapshot_id,
        "snapshots": published,
        "published_at": None if created_at is None else to_rfc3339(created_at),
        "rounds": rounds,
        "trained_through": head.trained_through,
        "joined_through": joined,
        "settled": head.trained_through >= joined,
    }
