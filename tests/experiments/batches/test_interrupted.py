"""Batches that are cancelled, taken over or killed decide nobody twice."""

import multiprocessing
import time

import pytest
from sqlalchemy import text

from experiments.jobs.batching import run_claimed
from experiments.model.access.principal import SYSTEM
from experiments.model.times import now
from experiments.services.batching import running
from experiments.services.batching.requesting import (
    SILENCE,
    BatchRequest,
    StoppedError,
    cancel_batch,
    claim_batch,
    request_batch,
    resume_batch,
)
from experiments.services.batching.running import folder_of, run_batch
from experiments.store.core.engine import reading, transaction
from tests.experiments.batches.base import UNITS, campaign, decided, run, status


def test_without_a_window_each_unit_of_a_batch_is_decided_once(client, settings, engine, base, monkeypatch):
    campaign(client, decision_window="PT0S", attribution_window="P1D")
    monkeypatch.setattr(running, "PART", 600)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    _interrupted(settings, engine, number, monkeypatch)
    part = decided(engine)
    assert part
    run(settings, engine, number)
    found = decided(engine)
    assert set(part) <= set(found)
    assert len({row[0] for row in found}) == len(found) == UNITS * 9 // 10
    run(settings, engine, request_batch(engine, SYSTEM, "win", BatchRequest()))
    assert len(decided(engine)) == 2 * len(found), "another batch asks anew"


def _interrupted(settings, engine, number, monkeypatch):
    """Run until the second part is kept, and lose it as a dying process does."""
    kept, calls = running.note_progress, []

    def dies(engine, claim):
        calls.append(claim)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return kept(engine, claim)

    with monkeypatch.context() as patched:
        patched.setattr(running, "note_progress", dies)
        patched.setattr("experiments.services.batching.sources.PAGE", 300)
        with pytest.raises(KeyboardInterrupt):
            run_batch(settings, engine, claim_batch(engine, number))
    _forget_heartbeat(engine)


def _forget_heartbeat(engine):
    with transaction(engine) as session:
        session.connection().execute(text(f"UPDATE batches SET heartbeat_at = {now() - 2 * SILENCE}"))


@pytest.mark.parametrize("lost", ["join_parts", "note_joined", "remove_parts", "finish_batch"])
def test_a_death_while_the_result_is_put_together_loses_no_row(client, settings, engine, base, monkeypatch, lost):
    """After each step, or before it: the batch goes on, and its result is as without the death."""
    campaign(client)
    monkeypatch.setattr(running, "PART", 400)
    monkeypatch.setattr("experiments.services.batching.sources.PAGE", 200)
    step = getattr(running, lost)
    for number, after in enumerate((False, True), start=1):
        assert request_batch(engine, SYSTEM, "win", BatchRequest()) == number

        def dies(*given, after=after):
            if after:
                step(*given)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(running, lost, dies)
            with pytest.raises(KeyboardInterrupt):
                run_batch(settings, engine, claim_batch(engine, number))
        if lost == "finish_batch" and after:
            assert status(client, number)["status"] == "done"
            continue
        _forget_heartbeat(engine)
        with transaction(engine) as session:
            session.connection().execute(
                text("INSERT INTO units (unit_id, profile, updated_at) VALUES (:unit, '{\"orders\": 1}', 0)"),
                [{"unit": f"unit-9999{number}"}],
            )
        rows = run(settings, engine, number)
        assert [row["unit_id"] for row in rows] == [
            *(f"unit-{n:05d}" for n in range(UNITS)),
            *(f"unit-9999{n}" for n in range(1, number + 1)),
        ]
        assert status(client, number)["done"] == len(rows)
        assert [path.name for path in folder_of(settings, number).iterdir()] == ["result.parquet"]


def test_a_slow_batch_stays_with_its_process(client, settings, engine, base, monkeypatch):
    """Long before a part is full, others see that the batch is being worked on."""
    campaign(client)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    monkeypatch.setattr("experiments.services.batching.sources.PAGE", 200)

    beats, kept = [], running.note_alive

    def told(engine, claim):
        beats.append(claim.heartbeat)
        return kept(engine, claim)

    monkeypatch.setattr(running, "BEAT", 0)
    monkeypatch.setattr(running, "note_alive", told)
    run_batch(settings, engine, claim_batch(engine, number))
    assert len(beats) >= UNITS // 200
    assert sorted(set(beats)) == beats


def test_decisions_that_expired_meanwhile_are_not_made_again(client, settings, engine, base, monkeypatch):
    campaign(client)
    monkeypatch.setattr(running, "PART", 600)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    _interrupted(settings, engine, number, monkeypatch)
    with transaction(engine) as session:
        session.connection().execute(text(f"UPDATE decisions SET expires_at = {now() - 1}"))
        session.connection().execute(text(f"UPDATE batches SET asked_at = {now() - 10_000_000}"))
    run(settings, engine, number)
    assert all(epoch == 0 for _, epoch, *_ in decided(engine))


def test_cancelled_and_resumed(client, settings, engine, base, monkeypatch):
    campaign(client)
    monkeypatch.setattr(running, "PART", 400)
    monkeypatch.setattr("experiments.services.batching.sources.PAGE", 200)
    number = client.post("/v1/experiments/win/batches", json={}).json()["id"]

    def cancels(done, _total):
        if done >= 600:
            client.post(f"/v1/experiments/win/batches/{number}/cancel")

    with pytest.raises(StoppedError):
        run_batch(settings, engine, claim_batch(engine, number), cancels)
    shown = status(client, number)
    assert shown["status"] == "cancelled"
    assert 0 < shown["done"] < UNITS
    assert claim_batch(engine) is None
    resume_batch(engine, SYSTEM, "win", number)
    rows = run(settings, engine, number)
    assert [row["unit_id"] for row in rows] == [f"unit-{n:05d}" for n in range(UNITS)]
    assert len(decided(engine)) == UNITS * 9 // 10
    assert client.post(f"/v1/experiments/win/batches/{number}/cancel").status_code == 409
    assert client.post(f"/v1/experiments/win/batches/{number}/resume").status_code == 409


def test_a_process_that_lost_the_batch_writes_nothing_more(client, settings, engine, base):
    campaign(client)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    slow = claim_batch(engine, number)
    assert claim_batch(engine, number) is None
    _forget_heartbeat(engine)
    quick = claim_batch(engine, number)
    with pytest.raises(StoppedError):
        run_batch(settings, engine, slow)
    run_batch(settings, engine, quick)
    cancelled = request_batch(engine, SYSTEM, "win", BatchRequest())
    cancel_batch(engine, SYSTEM, "win", cancelled)
    assert claim_batch(engine) is None


@pytest.mark.parametrize("lost_by", ["another process", "cancelling"])
def test_a_process_that_lost_the_batch_cannot_make_it_failed(client, settings, engine, base, monkeypatch, lost_by):
    """It meets a fault of its own after others took the batch: how that ends is theirs to say."""
    campaign(client)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    taken = []

    def breaks(*_given):
        _forget_heartbeat(engine)
        if lost_by == "cancelling":
            cancel_batch(engine, SYSTEM, "win", number)
        else:
            taken.append(claim_batch(engine, number))
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(running, "write_table", breaks)
        run_claimed(settings, claim_batch(engine, number))
    found = status(client, number)
    assert (found["status"], found["error"]) == (("cancelled" if lost_by == "cancelling" else "running"), None)
    if taken:
        run_batch(settings, engine, taken[0])
        assert status(client, number)["status"] == "done"


def test_a_fault_makes_the_batch_failed_and_says_why(client, settings, engine, base, monkeypatch):
    campaign(client)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())

    def breaks(*_given):
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(running, "write_table", breaks)
        run_claimed(settings, claim_batch(engine, number))
    found = status(client, number)
    assert (found["status"], found["error"]) == ("failed", "the batch failed inside: OSError")


def _killed_run(settings, claim, part):
    running.PART = part
    running.BLOCK = {True: 64, False: 64}
    run_claimed(settings, claim)


def _count(engine):
    with reading(engine) as session:
        return session.connection().execute(text("SELECT count(*) FROM decisions")).scalar_one()


def _killed(settings, engine, number, share):
    """Kill the process of a batch once it has decided that share of the base."""
    process = multiprocessing.get_context("spawn").Process(
        target=_killed_run, args=(settings, claim_batch(engine, number), 256)
    )
    process.start()
    deadline = time.monotonic() + 60
    while _count(engine) < share * UNITS and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    # Only nine tenths of the base are eligible: the last instants may find a process that has ended by itself.
    process.kill()
    process.join()


@pytest.mark.parametrize(
    "share", [0.4, *(pytest.param(share, marks=pytest.mark.proof) for share in (0.05, 0.2, 0.6, 0.8, 0.95))]
)
def test_killed_at_any_instant_nobody_is_decided_twice(client, settings, engine, base, share):
    campaign(client)
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    _killed(settings, engine, number, share)
    before = decided(engine)
    assert before
    if status(client, number)["status"] != "done":
        _forget_heartbeat(engine)
        rows = run(settings, engine, number)
        assert [row["unit_id"] for row in rows] == [f"unit-{n:05d}" for n in range(UNITS)]
        ids = [row["decision_id"] for row in rows if row["assigned"]]
        assert len(set(ids)) == len(ids) == UNITS * 9 // 10
    found = decided(engine)
    assert set(before) <= set(found)
    assert len(found) == len({row[0] for row in found}) == UNITS * 9 // 10


@pytest.mark.parametrize(
    "share", [0.06, *(pytest.param(share, marks=pytest.mark.proof) for share in (0.02, 0.1, 0.3, 0.7))]
)
def test_killed_under_a_budget_it_is_spent_to_the_last_reward(client, settings, engine, base, share):
    """Whatever the killed process had borrowed of 150 rewards, others get it."""
    campaign(
        client,
        arms=[{"key": "nothing"}, {"key": "coupon", "reward_cost": 2}],
        variants=[{"key": "v", "share": 1, "policy": {"name": "fixed", "params": {"arm": "coupon"}}}],
        budget={"amount": 301, "pacing": "none"},
    )
    number = request_batch(engine, SYSTEM, "win", BatchRequest())
    _killed(settings, engine, number, share)
    before = decided(engine)
    assert before
    if status(client, number)["status"] != "done":
        _forget_heartbeat(engine)
        run(settings, engine, number)
    found = decided(engine)
    assert set(before) <= set(found)
    assert len(found) == len({row[0] for row in found}) == UNITS * 9 // 10
    assert sum(row[3] == "coupon" for row in found) == 150
    assert status(client, number)["arms"] == {"coupon": 150, "nothing": UNITS * 9 // 10 - 150}
