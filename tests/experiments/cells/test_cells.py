"""The joiner's arm cells: the sums of the log, in any batches, exactly once; and the same added up anew."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, text

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.deciding.record import decode_record
from experiments.model.tables.core import Decision, Outcome
from experiments.model.tables.readouts import ArmCell, ArmEra, TrustSum
from experiments.model.tables.workers import LoggedRound
from experiments.model.times import SECOND, now
from experiments.services.erasing import erase_unit
from experiments.services.joining import eras as joining_eras
from experiments.services.rebuilding import rebuilder as rebuilding
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.designing.experiments import find
from experiments.views.readout.arm_stacks import ArmStacks, arm_stacks
from experiments.views.readout.arms import arm_contrasts
from offline_eval.ab.adaptive import ARM_CONTRASTS, Cells, Rounds

SHAPE = Shape(
    900, repeats=3, forced=0.04, voided=0.06, rejected=0.05, segments=3,
    extra={"objective": {"maximise": "net_value", "margin": 0.5}},
)  # fmt: skip
METRICS = ["net_value", "reengagement", "revenue"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Several eras within a few hundred rounds."""
    for name, value in (("LEAST", 40), ("MOST", 80), ("ERAS", 6), ("FEWEST", 3)):
        monkeypatch.setattr(joining_eras, name, value)


def quiet(*_: object) -> None:
    """No progress."""


def stacks(worker: WorkerContext, key: str = "synthetic", segment: str | None = None) -> ArmStacks:
    with reading(worker.engine) as session:
        return arm_stacks(session.connection(), find(session, key), segment)


def contrastable(worker: WorkerContext) -> list[dict]:
    """Learnable rounds of the log with pmf and segment, in the joiner's order."""
    query = select(LoggedRound.__table__, Decision.record).join(Decision, Decision.id == LoggedRound.decision_id)
    with reading(worker.engine) as session:
        found = session.connection().execute(query.where(LoggedRound.learnable).order_by(LoggedRound.seq)).all()
    return [dict(row._mapping) | {"record": decode_record(row.record)} for row in found]


def cells_of_the_log(worker: WorkerContext, metric: str) -> Cells:
    rows = contrastable(worker)
    arms = rows[0]["record"].eligible
    with reading(worker.engine) as session:
        starts = sorted(session.connection().execute(select(ArmEra.start)).scalars())
    times = {
        time: place
        for place, time in enumerate(
            sorted({(int(np.searchsorted(starts, row["seq"], side="right")), row["variant"]) for row in rows})
        )
    }
    segments = sorted({row["segment"] for row in rows})
    return Cells.of(
        arms,
        Rounds(
            np.array([times[int(np.searchsorted(starts, r["seq"], side="right")), r["variant"]] for r in rows]),
            np.array([arms.index(row["arm"]) for row in rows]),
            np.array([row["record"].pmf for row in rows]),
            np.array([row["metrics"].get(metric, 0.0) for row in rows]),
            np.array([segments.index(row["segment"]) for row in rows]),
        ),
    )


@pytest.mark.parametrize("batch", [37, 2048])
def test_cells_are_the_sums_of_the_log(worker: WorkerContext, lease: Lease, batch: int) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.batch = batch
    worker.joiner.run(lease, now())
    kept = stacks(worker)
    assert len(kept.base.counts) > 12
    for metric in METRICS:
        mine, theirs = kept.of(metric), cells_of_the_log(worker, metric)
        assert dict(zip(mine.keys, mine.counts, strict=True)) == dict(theirs.counts)
        for key, sums in zip(mine.keys, mine.sums, strict=True):
            np.testing.assert_allclose(sums, theirs.sums[key], rtol=1e-9, atol=1e-9)


def test_contrasts_are_those_of_the_log(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    with reading(worker.engine) as session:
        row = find(session, "synthetic")
        found = arm_contrasts(session.connection(), row, [*METRICS, "click"], "welch")
    expected = ARM_CONTRASTS["adaptively_weighted"](cells_of_the_log(worker, "reengagement"), "arm-2", "arm-0", 0.05)
    versus = found["arm-2"]["reengagement"]["versus"]["arm-0"]
    assert versus["absolute"]["value"] == pytest.approx(expected.absolute.value, rel=1e-9)
    assert versus["absolute"]["lower"] == pytest.approx(expected.absolute.lower, rel=1e-9)
    assert versus["p_value"] == pytest.approx(expected.p_value, rel=1e-6)
    assert versus["naive"]["method"] == "naive"
    assert found["arm-2"]["eligible_share"] == 1.0
    revenue = found["arm-2"]["revenue"]["versus"]["arm-0"]
    assert revenue["absolute"]["value"] == pytest.approx(
        ARM_CONTRASTS["adaptively_weighted"](cells_of_the_log(worker, "revenue"), "arm-2", "arm-0").absolute.value
    )
    assert revenue["absolute"]["lower"] is None
    assert "cap" in revenue["note"] or "too few" in revenue["note"]
    assert "click" not in found["arm-2"]
    assert found["arm-0"]["revenue"]["versus"] == {}
    assert "100.0%" in versus["estimand"]
    assert json.dumps(found)


def test_the_sums_are_those_of_the_log_added_up_anew(worker: WorkerContext, lease: Lease, settings: object) -> None:
    write_log(worker.engine, replace(SHAPE, segments=40, arms=5))
    worker.joiner.batch = 50
    worker.joiner.run(lease, now())
    found = rebuilding.compare(worker.engine, SYSTEM, "synthetic", quiet)
    assert found.agrees
    assert found.compared["totals"].largest == found.compared["hourly"].largest == 0.0
    before = stacks(worker)
    with transaction(worker.engine) as session:
        for table in ("rollup_hourly", "trust_sums"):
            session.connection().execute(text(f"DELETE FROM {table}"))
        session.connection().execute(text("UPDATE arm_cells SET rounds = rounds + 1"))
    assert not rebuilding.compare(worker.engine, SYSTEM, "synthetic", quiet).agrees
    worker.leaseholder.release()
    rebuilding.replace(settings, worker.engine, SYSTEM, "synthetic", quiet)
    assert rebuilding.compare(worker.engine, SYSTEM, "synthetic", quiet).agrees
    np.testing.assert_allclose(stacks(worker).packed.sum(axis=0), before.packed.sum(axis=0), rtol=1e-9)


def test_the_joiner_goes_on_after_a_rebuild(worker: WorkerContext, lease: Lease, settings: object) -> None:
    write_log(worker.engine, SHAPE)
    clock = {"clock": 1_700_000_500 * SECOND}
    with transaction(worker.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = :clock"), clock)
    worker.joiner.run(lease, now())
    worker.leaseholder.release()
    rebuilding.replace(settings, worker.engine, SYSTEM, "synthetic", quiet)
    again = worker.leaseholder.hold()
    with transaction(worker.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = clock_now + 1000000000"))
    assert worker.joiner.run(again, now()) > 300
    assert rebuilding.compare(worker.engine, SYSTEM, "synthetic", quiet).agrees


def test_a_batch_that_is_refused_leaves_no_sums(
    worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(worker.engine, Shape(120))
    with transaction(worker.engine) as session:
        session.connection().execute(delete(Outcome))
    commit, calls = worker.joiner._commit, []

    def late_commit(*arguments: object) -> bool:
        if not calls:
            outcome = {
                "source": "t", "event_id": "1", "decision_id": 10**9 + 4, "unit_id": "u4", "kind": "session",
                "occurred_at": 1_700_000_009 * SECOND, "received_at": 1_700_000_009 * SECOND,
                "received_clock": 1_700_000_009 * SECOND, "outcome_class": "accepted",
            }  # fmt: skip
            with transaction(worker.engine) as session:
                session.connection().execute(insert(Outcome), [outcome])
        calls.append(1)
        return commit(*arguments)

    monkeypatch.setattr(worker.joiner, "_commit", late_commit)
    worker.joiner.run(lease, now())
    kept = stacks(worker).of("reengagement")
    assert kept.n == 120
    assert kept.total()[:, 5].sum() == 1.0
    assert rebuilding.compare(worker.engine, SYSTEM, "synthetic", quiet).agrees


def test_a_segment_is_read_alone(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    whole, part = stacks(worker), stacks(worker, segment="s1")
    assert part.base.n == sum(row["segment"] == "s1" for row in contrastable(worker)) < whole.base.n


def test_segments_beyond_the_first_are_kept_together(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, replace(SHAPE, segments=40))
    worker.joiner.run(lease, now())
    with reading(worker.engine) as session:
        segments = set(session.connection().execute(select(ArmCell.segment)).scalars())
    assert len(segments) == 33
    assert "(other)" in segments


def test_who_is_erased_stays_counted(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(90))
    worker.joiner.run(lease, now())
    before = stacks(worker)
    erase_unit(worker.engine, SYSTEM, "u7")
    assert stacks(worker).base.n == before.base.n
    assert rebuilding.compare(worker.engine, SYSTEM, "synthetic", quiet).agrees


def test_no_rows_grow_with_rounds(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(2500))
    worker.joiner.run(lease, now())
    with reading(worker.engine) as session:
        eras = session.connection().execute(select(ArmEra.start)).all()
        sums = session.connection().execute(select(TrustSum.place)).all()
    assert len(eras) <= 6
    assert len(sums) < 40
