"""The readout against the log, and the door to it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, text, update

from api.schemas.results import Readout
from benchmarks.synthetic_log import START, Shape, write_log
from cli.commands.readout import readout as shell
from experiments.jobs import WorkerContext
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Decision, Experiment, Void
from experiments.model.tables.workers import LoggedRound
from experiments.model.times import HOUR, SECOND, now
from experiments.services.counting_open import count_open
from experiments.settings import settings
from experiments.store.core.engine import reading, transaction
from experiments.store.core.lease import Lease
from experiments.views.readout import Question, readout, readout_from_rounds
from offline_eval.ab.bucketed_methods import FROM_ROUNDS, METHODS

SHAPE = Shape(
    900, repeats=3, forced=0.05, voided=0.06, rejected=0.06, by_unit=0.3, segments=3,
    extra={"objective": {"maximise": "net_value", "margin": 0.5}, "segments": {"by": ["x0"]}},
)  # fmt: skip
PATH = "/v1/experiments/synthetic"
UNLIMITED = {"revenue", "net_value", "roi"}
"""Metrics without a known range, whose bounds may be withheld."""


def log_of(worker: WorkerContext) -> list[dict]:
    """Joined rounds that belong in the readout, with unit and void reason."""
    with reading(worker.engine) as session:
        connection = session.connection()
        decisions = {row.id: row for row in connection.execute(select(Decision.__table__))}
        voids = dict(connection.execute(select(Void.decision_id, Void.reason)).all())
        rounds = connection.execute(select(LoggedRound.__table__)).all()
    found = [
        dict(row._mapping) | {"unit_id": decisions[row.decision_id].unit_id, "mode": decisions[row.decision_id].mode}
        for row in rounds
    ]
    return [row for row in found if row["mode"] != "forced" and voids.get(row["decision_id"]) != "replay_rejected"]


@pytest.fixture
def joined(worker: WorkerContext, lease: Lease) -> WorkerContext:
    write_log(worker.engine, SHAPE)
    worker.joiner.run(lease, now())
    return worker


def agree(found: dict, log: list[dict], units: str = "unit_id") -> None:
    assert found["decisions"] == len(log)
    assert found["units"] == len({row[units] for row in log})
    for name, shown in found["metrics"].items():
        estimate = shown.get("naive", shown)
        if name == "roi":
            costs = sum(row["metrics"].get("reward_cost", 0) + row["metrics"].get("contact_cost", 0) for row in log)
            expected = sum(row["metrics"].get("net_value", 0) for row in log) / costs
        else:
            expected = np.mean([row["metrics"].get(name, 0.0) for row in log])
        assert estimate["value"] == pytest.approx(expected)
        if name not in UNLIMITED or estimate["lower"] is not None:
            assert estimate["lower"] <= estimate["value"] <= estimate["upper"]
        assert estimate["n"] == len(log)


def test_variants_are_read_on_intention_to_treat_and_arms_as_delivered(joined: WorkerContext) -> None:
    found, log = readout(joined.engine, SYSTEM, "synthetic"), log_of(joined)
    assert set(found["variants"]) == {"bandit", "uniform"}
    for variant, result in found["variants"].items():
        agree(result, [row for row in log if row["variant"] == variant])
    for arm, result in found["arms"].items():
        agree(result, [row for row in log if row["arm"] == arm and not row["voided"]])
    for variant in ("bandit", "uniform"):
        money = sum(row["metrics"].get("net_value", 0) for row in log if row["variant"] == variant)
        assert found["money"][variant]["net_value"] == pytest.approx(money)


def test_counts_add_up_and_only_matured_decisions_count(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, SHAPE)
    with transaction(worker.engine) as session:
        session.connection().execute(update(Experiment).values(clock_now=START + 400 * SECOND))
    worker.joiner.run(lease, now())
    found, log = readout(worker.engine, SYSTEM, "synthetic"), log_of(worker)
    counts = found["counts"]
    assert counts["matured"] == len(log) == sum(one["decisions"] for one in found["variants"].values())
    assert counts["void"] == sum(row["voided"] for row in log)
    assert 0 < counts["open"] < 900 - 330
    assert counts["decisions"] == counts["matured"] + counts["open"]
    assert counts["forced"] > 0
    assert found["as_of"] == "2023-11-14T22:20:00Z"


def test_a_segment_is_read_alone(joined: WorkerContext) -> None:
    whole, log = readout(joined.engine, SYSTEM, "synthetic"), log_of(joined)
    assert sum(one["matured"] for one in whole["segments"].values()) == whole["counts"]["matured"]
    found = readout(joined.engine, SYSTEM, "synthetic", Question(segment="s1"))
    for variant, result in found["variants"].items():
        agree(result, [row for row in log if row["variant"] == variant and row["segment"] == "s1"])
    assert found["counts"]["open"] is None


def test_batches_of_any_size_give_the_same_readout(joined: WorkerContext, lease: Lease) -> None:
    write_log(joined.engine, SHAPE, key="again", number=2)
    write_log(joined.engine, replace(SHAPE), key="once-more", number=3)
    joined.joiner.batch = 37
    joined.joiner.run(lease, now())
    for key in ("again", "once-more"):
        assert readout(joined.engine, SYSTEM, key)["counts"]["matured"] > 700


def test_the_door(service: object) -> None:
    client = service.client
    write_log(service.engine, SHAPE)
    empty = client.get(f"{PATH}/results")
    assert empty.status_code == 200
    assert empty.json()["counts"]["matured"] == 0
    assert empty.json()["verdict"]["word"] == "keep running"
    assert client.get(f"{PATH}/learning").json()["settled"] is False
    assert client.get(f"{PATH}/learning").json()["pending"] == 900
    worker = WorkerContext(service.settings)
    lease = worker.leaseholder.hold()
    worker.joiner.run(lease, now())
    assert client.get(f"{PATH}/learning").json()["settled"] is False
    worker.learner.run(lease)
    status = client.get(f"{PATH}/learning").json()
    (learner,) = status["learners"]
    assert status["settled"] is True
    assert learner["snapshot_id"] == learner["loaded_snapshot_id"]
    assert (learner["variant"], learner["snapshots"]) == ("bandit", 1)
    found = client.get(f"{PATH}/results").json()
    as_of = {"as_of": found["as_of"]}
    assert found == readout(worker.engine, SYSTEM, "synthetic") | as_of
    assert client.get(f"{PATH}/results?segment=s2").json()["segment"] == "s2"
    refused = client.get(f"{PATH}/results?method=quantile&from=2023-11-14T22:13:20Z&adjustment=none")
    assert (refused.status_code, len(refused.json()["errors"])) == (422, 3)
    assert client.get(f"{PATH}/results?event_type=bogo").status_code == 422
    assert client.get("/v1/experiments/none/results").status_code == 404
    assert client.get("/v1/experiments/none/learning").status_code == 404
    assert client.holding(None).get(f"{PATH}/results").status_code == 401
    worker.close()


def test_what_is_open_changes_nothing_and_is_told_by_day(worker: WorkerContext, lease: Lease) -> None:
    """Law 7: outcomes of decisions that have not matured are in no number."""
    write_log(worker.engine, SHAPE)
    with transaction(worker.engine) as session:
        session.connection().execute(update(Experiment).values(clock_now=START + 400 * SECOND))
    worker.joiner.run(lease, now())
    before = readout(worker.engine, SYSTEM, "synthetic")
    with transaction(worker.engine) as session:
        session.connection().execute(text("DELETE FROM outcomes WHERE occurred_at > :at"), {"at": START + 400 * SECOND})
    after = readout(worker.engine, SYSTEM, "synthetic")
    assert before == after
    assert sum(day["decisions"] for day in before["maturity"]["by_day"]) == before["counts"]["open"] > 0
    assert before["maturity"]["all_by"] >= before["as_of"]


def test_the_wrong_shares_are_not_trusted(worker: WorkerContext, lease: Lease) -> None:
    write_log(worker.engine, replace(SHAPE, uniform_every=2, repeats=1))
    worker.joiner.run(lease, now())
    found = readout(worker.engine, SYSTEM, "synthetic")
    assert found["verdict"]["word"] == "don't trust"
    assert "sample_ratio" in found["verdict"]["reason"]
    assert {check["name"]: check["status"] for check in found["checks"]}["sample_ratio"] == "failed"
    assert list(found).index("verdict") < list(found).index("checks") < list(found).index("variants")


def test_slots_count_what_is_open_like_counting_one_by_one(worker: WorkerContext, lease: Lease) -> None:
    """On the server's clock the worker counts complete slots; the readout adds them to what is still counted singly."""
    write_log(worker.engine, replace(SHAPE, extra={"clock": "server", "attribution_window": "P1D"}))
    at, ahead = now(), 24 * HOUR
    with transaction(worker.engine) as session:
        connection = session.connection()
        moved = "UPDATE decisions SET decided_at = decided_at + :by, matures_at = decided_at + :by + :ahead"
        connection.execute(text(moved), {"by": at - START - 2 * HOUR, "ahead": ahead + 10 * SECOND})
        connection.execute(text("UPDATE revisions SET opened_at = :at"), {"at": at - 3 * HOUR})
    single = readout(worker.engine, SYSTEM, "synthetic")["maturity"]
    assert single["open"] > 700
    while count_open(worker.engine, worker.book, lease, at):
        assert readout(worker.engine, SYSTEM, "synthetic")["maturity"] == single
    with reading(worker.engine) as session:
        kept = session.connection().execute(text("SELECT sum(decisions) FROM maturity_slots")).scalar_one()
    assert kept == single["open"]


def test_shell_and_api_say_the_same(service: object, monkeypatch: pytest.MonkeyPatch, capsys: object) -> None:
    """Law 8: API, page and report give the same number."""
    write_log(service.engine, SHAPE)
    worker = WorkerContext(service.settings)
    worker.joiner.run(worker.leaseholder.hold(), now())
    worker.close()
    monkeypatch.setenv("WINBACK_DATABASE_URL", service.settings.database_url)
    settings.cache_clear()  # else the shell reads the database of an earlier test
    for asked in ({}, {"segment": "s1"}, {"method": "bayes"}, {"from": "2023-11-14T22:00:00Z"}):
        answered = service.client.get(f"{PATH}/results", params=asked).json()
        options = {"start" if name == "from" else name: value for name, value in asked.items()} | {"worthwhile": 0.0}
        capsys.readouterr()
        shell(Path("synthetic"), **options, as_json=True)
        printed = json.loads(capsys.readouterr().out)
        assert printed == answered | {"as_of": printed["as_of"]}


def test_the_schema_describes_every_field(service: object) -> None:
    write_log(service.engine, SHAPE)
    worker = WorkerContext(service.settings)
    worker.joiner.run(worker.leaseholder.hold(), now())
    worker.close()
    for method in METHODS:
        found = service.client.get(f"{PATH}/results", params={"method": method}).json()
        strict = Readout.model_validate(found)
        shown = strict.model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert shown == found


def test_an_early_view_is_near_the_rate_that_comes_and_marked(worker: WorkerContext, lease: Lease) -> None:
    shape = replace(SHAPE, decisions=3000, extra={"objective": {"maximise": "reengagement"}})
    write_log(worker.engine, shape)
    half = update(Experiment).values(clock_now=START + 2000 * SECOND)
    with transaction(worker.engine) as session:
        session.connection().execute(
            text("DELETE FROM decisions WHERE decided_at > :at"), {"at": START + 2000 * SECOND}
        )
        session.connection().execute(
            text("DELETE FROM outcomes WHERE occurred_at > :at"), {"at": START + 2000 * SECOND}
        )
        session.connection().execute(half)
    worker.joiner.run(lease, now())
    found = readout(worker.engine, SYSTEM, "synthetic", Question(early=True))
    early = found["maturity"]["early"]["variants"]["bandit"]
    assert early["open"] > 0
    assert "early view" in early["note"]
    bounds, mean = early["rate"], found["variants"]["bandit"]["metrics"]["reengagement"]
    assert bounds["lower"] < mean["upper"] and mean["lower"] < bounds["upper"]
    assert readout(worker.engine, SYSTEM, "synthetic")["maturity"]["early"] is None


@pytest.mark.parametrize("method", sorted(FROM_ROUNDS))
def test_what_sums_cannot_feed_comes_from_the_rounds(joined: WorkerContext, method: str) -> None:
    found = readout_from_rounds(joined.engine, SYSTEM, "synthetic", method)
    versus = found["variants"]["uniform"]["versus"]["bandit"]
    assert found["method"] == method
    assert versus["revenue"]["absolute"]["method"] == method
    if method != "quantile":
        log = log_of(joined)
        means = {}
        for variant in ("uniform", "bandit"):
            mine = [row for row in log if row["variant"] == variant]
            means[variant] = np.mean([row["metrics"].get("session", 0.0) for row in mine])
        gap = means["uniform"] - means["bandit"]
        assert versus["session"]["absolute"]["value"] == pytest.approx(gap, abs=0.05)
