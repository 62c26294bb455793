"""The joiner against an independent reading of the same log."""

import math
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update

from benchmarks.synthetic_log import START, Shape, definition_of, write_log
from experiments.jobs import WorkerContext
from experiments.model.deciding.hashing import unit_bucket
from experiments.model.rollups import ARM_UNITS, DECISIONS, FORCED, UNITS
from experiments.model.tables.core import Decision, Experiment, Outcome, Void
from experiments.model.tables.workers import EarlyRound, HourlyRollup, LoggedRound
from experiments.model.times import HOUR, SECOND, now
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.store.rollups.tiers import PART, read_totals

RICH = Shape(
    600, repeats=4, forced=0.05, voided=0.06, rejected=0.06, by_unit=0.4, late=0.1, segments=3,
    extra={"objective": {"maximise": "net_value", "margin": 0.5}},
)  # fmt: skip


def rows(worker: WorkerContext, table: type, *order: object) -> list:
    with reading(worker.engine) as session:
        return [dict(row._mapping) for row in session.connection().execute(select(table.__table__).order_by(*order))]


def change(worker: WorkerContext, statement: object, values: object = None) -> None:
    with transaction(worker.engine) as session:
        session.connection().execute(statement, values)


def expected_metrics(decision: dict, decisions: list[dict], outcomes: list[dict], voided: bool) -> dict[str, float]:
    """Attribution read off the contract, without windows of code in common with the joiner."""
    later = [
        (other["epoch"], other["decided_at"])
        for other in decisions
        if other["unit_id"] == decision["unit_id"] and other["epoch"] > decision["epoch"]
    ]
    following = min(later)[1] if later else math.inf
    counted = [
        outcome
        for outcome in outcomes
        if decision["decided_at"] <= outcome["occurred_at"] < decision["decided_at"] + 60 * SECOND
        and (
            (outcome["decision_id"] == decision["id"] and outcome["received_clock"] <= decision["matures_at"])
            or (
                outcome["decision_id"] is None
                and outcome["unit_id"] == decision["unit_id"]
                and outcome["occurred_at"] < following
            )
        )
    ]
    revenue = sum(outcome["value"] for outcome in counted if outcome["kind"] == "revenue")
    back = float(any(outcome["kind"] == "session" for outcome in counted))
    cost = 0.0 if voided else 0.25 * int(decision["arm"].split("-")[1])
    contact = 0.0 if voided else 0.5
    found = {
        "session": back,
        "reengagement": back,
        "revenue": revenue,
        "reward_cost": cost,
        "contact_cost": contact,
        "net_value": 0.5 * revenue - cost - contact,
    }
    return {name: value for name, value in found.items() if value}


def test_every_matured_decision_is_joined_once_in_order_with_its_own_outcomes(
    worker: WorkerContext, lease: Lease
) -> None:
    write_log(worker.engine, RICH)
    assert worker.joiner.run(lease, now()) == 600
    assert worker.joiner.run(lease, now()) == 0
    decisions, outcomes = rows(worker, Decision), rows(worker, Outcome)
    voids = {row["decision_id"]: row["reason"] for row in rows(worker, Void)}
    logged = rows(worker, LoggedRound, LoggedRound.seq)
    by_id = {row["id"]: row for row in decisions}
    assert [row["decision_id"] for row in logged] == sorted(by_id, key=lambda one: (by_id[one]["matures_at"], one))
    for row in logged:
        decision = by_id[row["decision_id"]]
        voided = row["decision_id"] in voids
        assert row["metrics"] == expected_metrics(decision, decisions, outcomes, voided)
        assert row["reward"] == row["metrics"].get("net_value", 0.0)
        assert (row["voided"], row["learnable"]) == (voided, not voided and decision["mode"] != "forced")


def test_rollups_are_the_sums_of_logged_rounds(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, RICH)
    worker.joiner.batch = 64
    worker.joiner.run(lease, now())
    totals, hours = expected_rollups(worker)
    with reading(worker.engine) as session:
        stored = read_totals(session.connection(), 1)
    found = {}
    for key, sums in zip(stored.keys, stored.sums, strict=True):
        for metric, place in stored.places.items():
            for bucket in np.flatnonzero(sums[place, 0]):
                cell = (*key[:5], key.part * PART + int(bucket), metric)
                found[cell] = tuple(sums[place, :, bucket])
    assert found == totals
    keys = ("hour", "variant", "arm", "segment", "voided", "metric")
    hourly = rows(worker, HourlyRollup)
    assert {tuple(row[name] for name in keys): (row["rounds"], row["total"]) for row in hourly} == hours


def expected_rollups(worker: WorkerContext) -> tuple[dict, dict]:
    decisions = sorted(rows(worker, Decision), key=lambda row: (row["unit_id"], row["epoch"]))
    voids = {row["decision_id"]: row["reason"] for row in rows(worker, Void)}
    logged = {row["decision_id"]: row for row in rows(worker, LoggedRound)}
    with reading(worker.engine) as session:
        salt = session.connection().execute(select(Experiment.salt)).scalar_one()
    totals: dict = defaultdict(lambda: np.zeros(3))
    hours: dict = defaultdict(lambda: np.zeros(2))
    in_variant, in_arm = set(), set()
    for decision in decisions:
        void = voids.get(decision["id"])
        if void == "replay_rejected":
            continue
        values = dict(logged[decision["id"]]["metrics"]) | {DECISIONS: 1.0}
        if decision["mode"] == "forced":
            values = {FORCED: 1.0}
        else:
            unit = (decision["unit_id"], decision["variant"])
            values |= {} if unit in in_variant else {UNITS: 1.0}
            in_variant.add(unit)
            if void is None:
                values |= {} if (*unit, decision["arm"]) in in_arm else {ARM_UNITS: 1.0}
                in_arm.add((*unit, decision["arm"]))
        segment, voided = logged[decision["id"]]["segment"], int(void is not None)
        place = (decision["variant"], decision["arm"], segment, voided)
        for metric, value in values.items():
            bucket = unit_bucket(salt, decision["unit_id"])
            totals[1, *place, bucket, metric] += (1, value, value**2)
            hours[decision["decided_at"] // HOUR, *place, metric] += (1, value)
    return {key: tuple(sums) for key, sums in totals.items()}, {key: tuple(sums) for key, sums in hours.items()}


def test_nothing_is_joined_before_it_matured(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(100))
    for seconds, joined in ((69, 0), (70, 1), (99, 29), (500, 70)):
        change(worker, update(Experiment).values(clock_now=START + seconds * SECOND))
        assert worker.joiner.run(lease, now()) == joined
    change(worker, update(Experiment).values(clock_now=None))
    assert worker.joiner.run(lease, now()) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shuffled_stream_of_outcomes_gives_the_same_rounds(worker: WorkerContext, lease: Lease, seed: int) -> None:
    shape = replace(RICH, decisions=200)
    write_log(worker.engine, shape)
    write_log(worker.engine, shape, key="again", number=2)
    first, second = (
        [row for row in rows(worker, Outcome, Outcome.id) if row["event_id"].startswith(f"{number}0")]
        for number in (1, 2)
    )
    # The second log gets the first one's outcomes, stored in another order.
    change(worker, delete(Outcome).where(Outcome.id >= second[0]["id"]))
    order = np.random.default_rng(seed).permutation(len(first))
    copies = [_for_second(first[place]) for place in order]
    change(worker, update(Decision).where(Decision.experiment_id == 2).values(_as_second()))
    change(worker, insert(Outcome), copies)
    worker.joiner.run(lease, now())
    logged = rows(worker, LoggedRound, LoggedRound.seq)
    rewards = [[row["reward"] for row in logged if row["experiment_id"] == number] for number in (1, 2)]
    assert len(rewards[0]) == 200
    assert Counter(rewards[0])[0.0] < 200
    assert rewards_by_place(worker, 1) == rewards_by_place(worker, 2)


def _for_second(outcome: dict) -> dict:
    copy = {name: value for name, value in outcome.items() if name != "id"} | {"source": "copy"}
    return copy | {"decision_id": outcome["decision_id"] and outcome["decision_id"] + 10**9}


def _as_second() -> dict:
    """Both logs must have the same arms and modes; only outcomes are compared, so the arm may be made the same."""
    return {"arm": "arm-0", "mode": "learned"}


def rewards_by_place(worker: WorkerContext, number: int) -> dict[int, tuple[float, float]]:
    return {
        row["decision_id"] - number * 10**9: (row["metrics"].get("revenue", 0.0), row["metrics"].get("session", 0.0))
        for row in rows(worker, LoggedRound)
        if row["experiment_id"] == number
    }


def one_session(decision: int, unit: str, at: int) -> dict:
    return {
        "source": "test", "event_id": "between", "decision_id": decision, "unit_id": unit, "kind": "session",
        "occurred_at": at, "received_at": at, "received_clock": at, "outcome_class": "accepted",
    }  # fmt: skip


@pytest.mark.parametrize("times", [1, 5])
def test_what_comes_in_between_reading_and_writing_is_not_missed(
    worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    write_log(worker.engine, Shape(50))
    change(worker, delete(Outcome))
    commit, calls = worker.joiner._commit, []

    def late_commit(*arguments: object) -> bool:
        calls.append(1)
        if len(calls) <= times:
            row = one_session(10**9 + len(calls), "u1", START + 9 * SECOND) | {"event_id": str(len(calls))}
            change(worker, insert(Outcome), [row])
        return commit(*arguments)

    monkeypatch.setattr(worker.joiner, "_commit", late_commit)
    worker.joiner.run(lease, now())
    rewards = {row["decision_id"]: row["reward"] for row in rows(worker, LoggedRound)}
    assert len(rewards) == 50
    assert sum(rewards.values()) == min(times, 3)


def test_a_void_in_between_counts(worker: WorkerContext, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(worker.engine, Shape(50))
    commit, calls = worker.joiner._commit, []

    def late_commit(*arguments: object) -> bool:
        if not calls:
            change(worker, insert(Void), [{"decision_id": 10**9 + 7, "reason": "expired", "voided_at": START}])
        calls.append(1)
        return commit(*arguments)

    monkeypatch.setattr(worker.joiner, "_commit", late_commit)
    worker.joiner.run(lease, now())
    assert [row["decision_id"] for row in rows(worker, LoggedRound) if row["voided"]] == [10**9 + 7]


def test_the_sweep_finds_what_was_committed_late(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(50))
    straggler = next(row for row in rows(worker, Decision) if row["id"] == 10**9 + 20)
    change(worker, delete(Decision).where(Decision.id == straggler["id"]))
    assert worker.joiner.run(lease, now()) == 49
    change(worker, insert(Decision), [straggler])
    assert worker.joiner.run(lease, now()) == 0
    assert worker.joiner.run(lease, now(), sweep=True) == 1
    assert worker.joiner.run(lease, now(), sweep=True) == 0
    totals, _ = expected_rollups(worker)
    assert sum(sums[1] for key, sums in totals.items() if key[-1] == DECISIONS) == 50


def test_a_learning_window_gives_early_rounds_with_both_signs(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(200, extra={"learning_window": "PT20S"}))
    change(worker, update(Experiment).values(clock_now=START + (99 + 30) * SECOND))
    worker.joiner.run(lease, now())
    early, whole = rows(worker, EarlyRound, EarlyRound.seq), rows(worker, LoggedRound, LoggedRound.seq)
    assert len(early) == 100
    assert len(whole) == 60
    assert len({row["seq"] for row in early + whole}) == 160
    sessions = {row["decision_id"]: row for row in rows(worker, Outcome) if row["kind"] == "session"}
    starts = {row["id"]: row["decided_at"] for row in rows(worker, Decision)}
    for row in early:
        seen = sessions.get(row["decision_id"])
        assert row["reward"] == float(
            seen is not None and seen["occurred_at"] - starts[row["decision_id"]] < 20 * SECOND
        )
    assert 0 < sum(row["reward"] for row in early) < sum(one["reward"] for one in whole) + 40


def test_marginal_propensities_are_mixed_over_the_variants(worker: WorkerContext, lease: Lease) -> None:
    definition = definition_of(Shape(1), "synthetic").model_dump(mode="json")
    variants = [
        definition["variants"][0] | {"learn_from": "all"},
        definition["variants"][1] | {"policy": {"name": "split", "params": {"weights": {"arm-0": 3, "arm-1": 1}}}},
    ]
    write_log(worker.engine, Shape(60, extra={"variants": variants}))
    worker.joiner.run(lease, now())
    for row in rows(worker, LoggedRound):
        split = {"arm-0": 0.75, "arm-1": 0.25}.get(row["arm"], 0.0)
        mixed = 0.8 * row["propensity"] + 0.2 * split
        if row["variant"] == "uniform":
            mixed = 0.8 * 0.25 + 0.2 * row["propensity"]
        assert row["marginal_propensity"] == pytest.approx(mixed)


def test_transactions_follow_their_target(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(3000, arms=12, numeric=20))
    worker.joiner.run(lease, now())
    assert 128 <= worker.joiner.batch <= 2048


def test_one_damaged_experiment_does_not_stop_the_others(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, Shape(30))
    write_log(worker.engine, Shape(30), key="sound", number=2)
    damaged = update(Decision).where(Decision.id == 10**9 + 3).values(record='{"segment": 7}')
    change(worker, damaged)
    assert worker.joiner.run(lease, now()) == 30
    assert {row["experiment_id"] for row in rows(worker, LoggedRound)} == {2}
