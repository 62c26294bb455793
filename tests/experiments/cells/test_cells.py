"""The joiner's arm cells: the sums of the log, in any batches, exactly once; and the same added up anew."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, text

from benchmarks.synthetic_log import Shape, write_log
from experiments.jobs import Desk
from experiments.model.principal import SYSTEM
from experiments.model.record import decode_record
from experiments.model.tables import ArmCell, ArmEra, Decision, LoggedRound, Outcome, TrustSum
from experiments.model.times import SECOND, now
from experiments.services import joining_eras, rebuilding
from experiments.services.erasing import erase_unit
from experiments.store.engine import reading, transaction
from experiments.store.experiments import find
from experiments.store.lease import Lease
from experiments.views.arm_stacks import ArmStacks, arm_stacks
from experiments.views.arms import arm_contrasts
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


def stacks(desk: Desk, key: str = "synthetic", segment: str | None = None) -> ArmStacks:
    with reading(desk.engine) as session:
        return arm_stacks(session.connection(), find(session, key), segment)


def contrastable(desk: Desk) -> list[dict]:
    """Learnable rounds of the log with pmf and segment, in the joiner's order."""
    query = select(LoggedRound.__table__, Decision.record).join(Decision, Decision.id == LoggedRound.decision_id)
    with reading(desk.engine) as session:
        found = session.connection().execute(query.where(LoggedRound.learnable).order_by(LoggedRound.seq)).all()
    return [dict(row._mapping) | {"record": decode_record(row.record)} for row in found]


def cells_of_the_log(desk: Desk, metric: str) -> Cells:
    rows = contrastable(desk)
    arms = rows[0]["record"].eligible
    with reading(desk.engine) as session:
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
def test_cells_are_the_sums_of_the_log(desk: Desk, lease: Lease, batch: int) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.batch = batch
    desk.joiner.run(lease, now())
    kept = stacks(desk)
    assert len(kept.base.counts) > 12
    for metric in METRICS:
        mine, theirs = kept.of(metric), cells_of_the_log(desk, metric)
        assert dict(zip(mine.keys, mine.counts, strict=True)) == dict(theirs.counts)
        for key, sums in zip(mine.keys, mine.sums, strict=True):
            np.testing.assert_allclose(sums, theirs.sums[key], rtol=1e-9, atol=1e-9)


def test_contrasts_are_those_of_the_log(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    with reading(desk.engine) as session:
        row = find(session, "synthetic")
        found = arm_contrasts(session.connection(), row, [*METRICS, "click"], "welch")
    expected = ARM_CONTRASTS["adaptively_weighted"](cells_of_the_log(desk, "reengagement"), "arm-2", "arm-0", 0.05)
    versus = found["arm-2"]["reengagement"]["versus"]["arm-0"]
    assert versus["absolute"]["value"] == pytest.approx(expected.absolute.value, rel=1e-9)
    assert versus["absolute"]["lower"] == pytest.approx(expected.absolute.lower, rel=1e-9)
    assert versus["p_value"] == pytest.approx(expected.p_value, rel=1e-6)
    assert versus["naive"]["method"] == "naive"
    assert found["arm-2"]["eligible_share"] == 1.0
    revenue = found["arm-2"]["revenue"]["versus"]["arm-0"]
    assert revenue["absolute"]["value"] == pytest.approx(
        ARM_CONTRASTS["adaptively_weighted"](cells_of_the_log(desk, "revenue"), "arm-2", "arm-0").absolute.value
    )
    assert revenue["absolute"]["lower"] is None
    assert "cap" in revenue["note"] or "too few" in revenue["note"]
    assert "click" not in found["arm-2"]
    assert found["arm-0"]["revenue"]["versus"] == {}
    assert "100.0%" in versus["estimand"]
    assert json.dumps(found)


def test_the_sums_are_those_of_the_log_added_up_anew(desk: Desk, lease: Lease, settings: object) -> None:
    write_log(desk.engine, replace(SHAPE, segments=40, arms=5))
    desk.joiner.batch = 50
    desk.joiner.run(lease, now())
    found = rebuilding.compare(desk.engine, SYSTEM, "synthetic", quiet)
    assert found.agrees
    assert found.compared["totals"].largest == found.compared["hourly"].largest == 0.0
    before = stacks(desk)
    with transaction(desk.engine) as session:
        for table in ("rollup_hourly", "trust_sums"):
            session.connection().execute(text(f"DELETE FROM {table}"))
        session.connection().execute(text("UPDATE arm_cells SET rounds = rounds + 1"))
    assert not rebuilding.compare(desk.engine, SYSTEM, "synthetic", quiet).agrees
    desk.leaseholder.release()
    rebuilding.replace(settings, desk.engine, SYSTEM, "synthetic", quiet)
    assert rebuilding.compare(desk.engine, SYSTEM, "synthetic", quiet).agrees
    np.testing.assert_allclose(stacks(desk).packed.sum(axis=0), before.packed.sum(axis=0), rtol=1e-9)


def test_the_joiner_goes_on_after_a_rebuild(desk: Desk, lease: Lease, settings: object) -> None:
    write_log(desk.engine, SHAPE)
    clock = {"clock": 1_700_000_500 * SECOND}
    with transaction(desk.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = :clock"), clock)
    desk.joiner.run(lease, now())
    desk.leaseholder.release()
    rebuilding.replace(settings, desk.engine, SYSTEM, "synthetic", quiet)
    again = desk.leaseholder.hold()
    with transaction(desk.engine) as session:
        session.connection().execute(text("UPDATE experiments SET clock_now = clock_now + 1000000000"))
    assert desk.joiner.run(again, now()) > 300
    assert rebuilding.compare(desk.engine, SYSTEM, "synthetic", quiet).agrees


def test_a_batch_that_is_refused_leaves_no_sums(desk: Desk, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(desk.engine, Shape(120))
    with transaction(desk.engine) as session:
        session.connection().execute(delete(Outcome))
    commit, calls = desk.joiner._commit, []

    def late_commit(*arguments: object) -> bool:
        if not calls:
            outcome = {
                "source": "t", "event_id": "1", "decision_id": 10**9 + 4, "unit_id": "u4", "kind": "session",
                "occurred_at": 1_700_000_009 * SECOND, "received_at": 1_700_000_009 * SECOND,
                "received_clock": 1_700_000_009 * SECOND, "outcome_class": "accepted",
            }  # fmt: skip
            with transaction(desk.engine) as session:
                session.connection().execute(insert(Outcome), [outcome])
        calls.append(1)
        return commit(*arguments)

    monkeypatch.setattr(desk.joiner, "_commit", late_commit)
    desk.joiner.run(lease, now())
    kept = stacks(desk).of("reengagement")
    assert kept.n == 120
    assert kept.total()[:, 5].sum() == 1.0
    assert rebuilding.compare(desk.engine, SYSTEM, "synthetic", quiet).agrees


def test_a_segment_is_read_alone(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    whole, part = stacks(desk), stacks(desk, segment="s1")
    assert part.base.n == sum(row["segment"] == "s1" for row in contrastable(desk)) < whole.base.n


def test_segments_beyond_the_first_are_kept_together(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, replace(SHAPE, segments=40))
    desk.joiner.run(lease, now())
    with reading(desk.engine) as session:
        segments = set(session.connection().execute(select(ArmCell.segment)).scalars())
    assert len(segments) == 33
    assert "(other)" in segments


def test_who_is_erased_stays_counted(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, Shape(90))
    desk.joiner.run(lease, now())
    before = stacks(desk)
    erase_unit(desk.engine, SYSTEM, "u7")
    assert stacks(desk).base.n == before.base.n
    assert rebuilding.compare(desk.engine, SYSTEM, "synthetic", quiet).agrees


def test_no_rows_grow_with_rounds(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, Shape(2500))
    desk.joiner.run(lease, now())
    with reading(desk.engine) as session:
        eras = session.connection().execute(select(ArmEra.start)).all()
        sums = session.connection().execute(select(TrustSum.place)).all()
    assert len(eras) <= 6
    assert len(sums) < 40
