"""Each learning variant's policy, updated from its logged rounds and published, each round exactly once.

An update always starts from the stored bytes of the last snapshot, so that a worker that died and one that lived learn
the same. The watermark moves in the transaction that stores the snapshot.

A revision that leaves a variant's policy, features and target as they were goes on with its learner. One that changes
them starts a fresh learner, which first learns again from the logged rounds of every revision with the same target
(objective, metrics, windows): the arms and contexts of those rounds are described as they were, features that a round
lacks count as missing. Rounds with another target would be rewards of another kind, and are left out.
"""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import NamedTuple

import structlog
from sqlalchemy import Engine

from bandit.errors import SnapshotError
from bandit.policies import POLICIES
from bandit.snapshots import fingerprint
from experiments.errors import WinbackError
from experiments.model.designing.definition import ShadowDefinition, VariantDefinition
from experiments.model.policy_snapshots import seal_policy
from experiments.model.times import now, to_rfc3339
from experiments.services.learning.policies import restored
from experiments.services.learning.rounds import rounds_of, teach
from experiments.store.core.engine import reading
from experiments.store.core.lease import Lease, fenced
from experiments.store.core.outbox import announce
from experiments.store.designing.revisions import Head, RevisionBook, RevisionFacts, heads
from experiments.store.joining.matured import last_sequence_of
from experiments.store.learning import (
    Curriculum,
    LearnerHead,
    Published,
    StoredSnapshot,
    learner_heads,
    lessons,
    publish,
    set_head,
    stored_snapshot,
)

LESSONS = 4096
"""Rounds per snapshot where many are waiting."""

_log = structlog.get_logger("winback.learning")

Taught = VariantDefinition | ShadowDefinition


class Course(NamedTuple):
    """One learner's next step: what it learns, from where, up to where."""

    experiment_id: int
    salt: bytes
    facts: Mapping[int, RevisionFacts]
    variant: Taught
    curriculum: Curriculum
    head: LearnerHead
    until: int


class LearningService:
    """The single learner of all experiments."""

    def __init__(self, engine: Engine, book: RevisionBook) -> None:
        self._engine, self._book = engine, book
        self.slowest = 0.0

    def run(self, lease: Lease) -> int:
        """Learn everything that is joined; how many rounds. Raises LeaseLostError.

        A policy that fails is left where it stands, and tried again with the next run; the others go on.
        """
        with reading(self._engine) as session:
            started = heads(session.connection())
        return sum(self._experiment(lease, head) for head in started)

    def _experiment(self, lease: Lease, head: Head) -> int:
        learned = 0
        for course in self._courses(head):
            try:
                learned += self._follow(lease, course)
            except WinbackError:
                raise
            except Exception:
                _log.exception("not learned", experiment=head.key, variant=course.variant.key)
        return learned

    def _courses(self, head: Head) -> list[Course]:
        """The learners that are behind."""
        with reading(self._engine) as session:
            connection = session.connection()
            until = last_sequence_of(connection, head.id)
            if not until:
                return []
            facts = self._book.all(session, head.id, head.revision)
            known = learner_heads(connection, head.id)
        taught = learners_of(facts[head.revision])
        standings = [(variant, _standing(head, facts, variant, known)) for variant in taught]
        return [
            Course(head.id, head.salt, facts, variant, curriculum(head, facts, variant), standing, until)
            for variant, standing in standings
            if standing.trained_through < until
        ]

    def _follow(self, lease: Lease, course: Course) -> int:
        learned, standing = 0, course.head
        while standing.trained_through < course.until:
            count, standing = self._step(lease, course, standing)
            learned += count
        return learned

    def _step(self, lease: Lease, course: Course, standing: LearnerHead) -> tuple[int, LearnerHead]:
        with reading(self._engine) as session:
            found = lessons(session.connection(), course.curriculum, standing.trained_through, course.until, LESSONS)
            head = standing._replace(trained_through=found[-1].seq if len(found) == LESSONS else course.until)
            rounds = rounds_of(course.salt, course.facts, found)
            if not rounds:
                return 0, self._skip(lease, course, head)
            stored = None
            if standing.snapshot_id is not None:
                stored = stored_snapshot(session.connection(), standing.snapshot_id)
        made_of = course.variant.policy.as_spec(), course.facts[standing.revision].features
        try:
            policy = restored(*made_of, stored)
        except SnapshotError as error:
            # Nothing is lost: the log holds all that the snapshot knew.
            _log.error("learning again from the log", snapshot_id=standing.snapshot_id, reason=str(error))
            return 0, standing._replace(snapshot_id=None, trained_through=0)
        teach(policy, rounds)
        body = seal_policy(policy, made_of, stored and stored.sha256, head.trained_through)
        sealed = StoredSnapshot(body, fingerprint(body))
        published = Published(course.experiment_id, head, sealed, policy.rows_seen, now())
        return len(rounds), self._publish(lease, published)

    def _publish(self, lease: Lease, published: Published) -> LearnerHead:
        with fenced(self._engine, lease) as session:
            began = perf_counter()
            number = publish(session.connection(), published)
            subject = f"{published.experiment_id}/{published.head.variant}"
            announce(session, "snapshots", subject, _told(published, number))
        self.slowest = max(self.slowest, perf_counter() - began)
        return published.head._replace(snapshot_id=number)

    def _skip(self, lease: Lease, course: Course, head: LearnerHead) -> LearnerHead:
        with fenced(self._engine, lease) as session:
            set_head(session.connection(), course.experiment_id, head)
        return head


def _told(published: Published, number: int) -> dict[str, object]:
    """What others are told of a snapshot."""
    return {
        "experiment_id": published.experiment_id,
        "variant": published.head.variant,
        "revision": published.head.revision,
        "snapshot_id": number,
        "parent_id": published.head.snapshot_id,
        "sha256": published.snapshot.sha256,
        "trained_through": published.head.trained_through,
        "rounds": published.rounds,
        "created_at": to_rfc3339(published.at),
    }


def learners_of(facts: RevisionFacts) -> list[Taught]:
    """Variants and shadows whose policy learns."""
    taught: Iterator[Taught] = iter([*facts.definition.variants, *facts.definition.shadow])
    return [variant for variant in taught if POLICIES[variant.policy.name].learned]


def target(facts: RevisionFacts) -> tuple[object, ...]:
    """What rewards mean: rounds of revisions with equal targets can be learned together."""
    definition = facts.definition
    return definition.objective, definition.metrics, facts.window, facts.learning_window


def curriculum(head: Head, facts: Mapping[int, RevisionFacts], variant: Taught) -> Curriculum:
    """Shadows, which never act, and variants that learn from all take every variant's rounds."""
    goal = target(facts[head.revision])
    alike = [number for number, one in facts.items() if target(one) == goal]
    early = facts[head.revision].learning_window is not None
    return Curriculum(
        head.id, variant.key if _takes_own(variant) else None, [] if early else alike, alike if early else []
    )


def _standing(
    head: Head, facts: Mapping[int, RevisionFacts], variant: Taught, known: Mapping[str, LearnerHead]
) -> LearnerHead:
    standing = known.get(variant.key)
    if standing is None or not _goes_on(facts[head.revision], facts[standing.revision], variant):
        return LearnerHead(variant.key, head.revision, None, 0)
    return standing._replace(revision=head.revision)


def _goes_on(current: RevisionFacts, before: RevisionFacts, variant: Taught) -> bool:
    earlier = next((one for one in learners_of(before) if one.key == variant.key), None)
    return (
        earlier is not None
        and (earlier.policy, _takes_own(earlier)) == (variant.policy, _takes_own(variant))
        and current.features == before.features
        and target(current) == target(before)
    )


def _takes_own(variant: Taught) -> bool:
    return isinstance(variant, VariantDefinition) and variant.learn_from == "own"
