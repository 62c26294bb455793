"""The learner: every round once, from the stored bytes, under the watermark."""

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from bandit.policies import build
from bandit.rounds import Round
from benchmarks.synthetic_log import START, Shape, definition_of, write_log
from experiments.errors import LeaseLostError
from experiments.jobs import WorkerContext
from experiments.model.deciding.record import Record, decode_record, encode_record
from experiments.model.designing.definition import Definition
from experiments.model.policy_snapshots import open_policy
from experiments.model.tables.core import Decision, Experiment, Revision, Void
from experiments.model.tables.workers import Learner, LoggedRound, Snapshot
from experiments.model.times import SECOND, now
from experiments.services.learning.rounds import rounds_of
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.designing.revisions import RevisionFacts
from experiments.store.learning import Lesson

SHAPE = Shape(400, forced=0.05, voided=0.1)


def rows(worker: WorkerContext, table: type, *order: object) -> list[dict]:
    with reading(worker.engine) as session:
        return [dict(row._mapping) for row in session.connection().execute(select(table.__table__).order_by(*order))]


def change(worker: WorkerContext, statement: object, values: object = None) -> None:
    with transaction(worker.engine) as session:
        session.connection().execute(statement, values)


def cycle(worker: WorkerContext, lease: Lease) -> int:
    worker.joiner.run(lease, now())
    return worker.learner.run(lease)


def own_rounds(worker: WorkerContext, variant: str | None = "bandit") -> list[Round]:
    definition = definition_of(SHAPE, "synthetic")
    records = {row["id"]: decode_record(row["record"]) for row in rows(worker, Decision)}
    arms = tuple(arm.as_arm() for arm in definition.arms)
    return [
        Round(
            records[row["decision_id"]].context,
            arms,
            records[row["decision_id"]].eligible.index(row["arm"]),
            np.array(records[row["decision_id"]].pmf),
            row["propensity"],
            row["reward"],
        )
        for row in rows(worker, LoggedRound, LoggedRound.seq)
        if row["learnable"] and variant in (None, row["variant"])
    ]


def published(worker: WorkerContext, shape: Shape = SHAPE, variant: str = "bandit") -> object:
    definition = definition_of(shape, "synthetic")
    policy = next(one.policy for one in (*definition.variants, *definition.shadow) if one.key == variant)
    head = next(row for row in rows(worker, Learner) if row["variant"] == variant)
    stored = next(row for row in rows(worker, Snapshot) if row["id"] == head["snapshot_id"])
    return open_policy(policy.as_spec(), definition.context.as_spec(), stored["body"], stored["sha256"])


def pmfs(policy: object) -> list[np.ndarray]:
    arms = tuple(arm.as_arm() for arm in definition_of(SHAPE, "synthetic").arms)
    return [policy.pmf({"x0": x, "x1": -x, "x2": 0.3}, arms) for x in (-1.0, 0.0, 0.7)]


def test_the_snapshot_is_the_policy_taught_offline(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    taught = cycle(worker, lease)
    definition = definition_of(SHAPE, "synthetic")
    offline = build(definition.variants[0].policy.as_spec(), definition.context.as_spec())
    offline.learn(own_rounds(worker))
    assert taught == offline.rows_seen == len(own_rounds(worker))
    np.testing.assert_allclose(pmfs(published(worker)), pmfs(offline), atol=1e-6)


def test_rounds_know_whose_they_are_by_a_number_alone() -> None:
    """The experiment's salt keeps a snapshot from telling whether a certain id was in it."""
    facts = RevisionFacts(1, definition_of(SHAPE, "synthetic"))
    keys = [arm.key for arm in facts.definition.arms[:2]]
    record = encode_record(Record(context={"x0": 1.0}, eligible=keys, pmf=[0.5, 0.5], policy="squarecb")).decode()
    taken = [Lesson(n, 1, keys[0], 0.5, None, 1.0, unit, record) for n, unit in enumerate(("ana", "ben", "ana"))]
    one, other = ([each.person for each in rounds_of(salt, {1: facts}, taken)] for salt in (b"one", b"other"))
    assert one[0] == one[2] != one[1]
    assert not set(one) & set(other)


def test_each_round_is_learned_once_and_the_watermark_moves_with_the_snapshot(
    worker: WorkerContext, lease: Lease
) -> None:
    write_log(worker.engine, SHAPE)
    learned = []
    for seconds in (100, 101, 250, 1000):
        change(worker, update(Experiment).values(clock_now=START + seconds * SECOND))
        learned.append(cycle(worker, lease))
        assert cycle(worker, lease) == 0
    assert sum(learned) == len(own_rounds(worker))
    snapshots = rows(worker, Snapshot, Snapshot.id)
    assert [row["rounds"] for row in snapshots] == list(np.cumsum([count for count in learned if count]))
    assert [row["parent_id"] for row in snapshots] == [None, *[row["id"] for row in snapshots[:-1]]]
    (head,) = rows(worker, Learner)
    last = max(row["seq"] for row in rows(worker, LoggedRound))
    assert (head["snapshot_id"], head["trained_through"]) == (snapshots[-1]["id"], last)
    assert snapshots[-1]["trained_through"] <= last


def test_the_watermark_passes_what_cannot_be_learned(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(50, forced=1.0))
    assert cycle(worker, lease) == 0
    (head,) = rows(worker, Learner)
    assert (head["snapshot_id"], head["trained_through"]) == (None, 50)
    assert not rows(worker, Snapshot)


def open_revision(worker: WorkerContext, **changes: object) -> None:
    """A second revision, under which a copy of each decision is made later."""
    definition = Definition.model_validate(rows(worker, Revision)[0]["definition"] | changes)
    stored = definition.model_dump(mode="json")
    change(
        worker,
        insert(Revision),
        [{"experiment_id": 1, "number": 2, "definition": stored, "opened_at": START}],
    )
    change(worker, update(Experiment).values(definition=stored, revision=2, clock_now=START + 5000 * SECOND))
    later = 1000 * SECOND
    copies = [
        row
        | {
            "id": row["id"] + 10**6,
            "revision": 2,
            "epoch": row["epoch"] + 1,
            "idempotency_key": f"again-{row['id']}",
            "decided_at": row["decided_at"] + later,
            "matures_at": row["matures_at"] + later,
        }
        for row in rows(worker, Decision)
    ]
    change(worker, insert(Decision), copies)


def test_an_unchanged_learner_goes_on_in_a_new_revision(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    before = cycle(worker, lease)
    shares = [one | {"share": 0.5} for one in definition_of(SHAPE, "x").model_dump(mode="json")["variants"]]
    open_revision(worker, variants=shares)
    assert 0 < cycle(worker, lease) <= len(rows(worker, Decision)) - before
    assert published(worker).rows_seen == len(own_rounds(worker))
    assert rows(worker, Snapshot, Snapshot.id)[-1]["parent_id"] is not None


def test_a_changed_policy_starts_afresh_and_learns_the_log_again(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    cycle(worker, lease)
    other = Shape(400, policy={"name": "softmax"})
    open_revision(worker, variants=definition_of(other, "x").model_dump(mode="json")["variants"])
    assert cycle(worker, lease) == len(own_rounds(worker))
    policy = published(worker, other)
    assert (policy.spec.name, policy.rows_seen) == ("softmax", len(own_rounds(worker)))


def test_rounds_with_another_target_are_left_out(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    first = cycle(worker, lease)
    open_revision(worker, objective={"maximise": "revenue", "margin": 1.0})
    assert cycle(worker, lease) == len(own_rounds(worker)) - first


def test_shadows_learn_from_every_variant(worker: WorkerContext, lease: Lease) -> None:
    shape = Shape(300, extra={"shadow": [{"key": "candidate", "policy": {"name": "linucb"}}]})
    write_log(worker.engine, shape)
    cycle(worker, lease)
    assert published(worker, shape, "candidate").rows_seen == len(own_rounds(worker, None)) == 300


def test_an_altered_snapshot_is_learned_again_from_the_log(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    change(worker, update(Experiment).values(clock_now=START + 200 * SECOND))
    cycle(worker, lease)
    change(worker, update(Snapshot).values(body=b"WBS1 not what it was"))
    change(worker, update(Experiment).values(clock_now=START + 5000 * SECOND))
    cycle(worker, lease)
    assert published(worker).rows_seen == len(own_rounds(worker))


def test_a_superseded_learner_publishes_nothing(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    with pytest.raises(LeaseLostError):
        worker.learner.run(Lease(lease.holder, lease.token - 1))
    assert not rows(worker, Snapshot)
    assert not rows(worker, Learner)


def test_one_failing_policy_does_not_stop_the_others(
    worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = Shape(200, extra={"shadow": [{"key": "candidate", "policy": {"name": "linucb"}}]})
    write_log(worker.engine, shape)
    worker.joiner.run(lease, now())

    def fail(*_: object) -> None:
        raise ArithmeticError("no")

    monkeypatch.setattr("bandit.policies.epsilon_greedy.EpsilonGreedy.learn", fail)
    assert worker.learner.run(lease) == 200
    assert [row["variant"] for row in rows(worker, Learner)] == ["candidate"]


def test_voids_are_not_learned(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(100, voided=1.0))
    assert len(rows(worker, Void)) == 100
    assert cycle(worker, lease) == 0
