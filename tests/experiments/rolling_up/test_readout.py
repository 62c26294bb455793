"""The readout against the log, and the door to it."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select, update

from benchmarks.synthetic_log import START, Shape, write_log
from experiments.jobs import Desk
from experiments.model.principal import SYSTEM
from experiments.model.tables import Decision, Experiment, LoggedRound, Void
from experiments.model.times import SECOND, now
from experiments.store.engine import reading, transaction
from experiments.store.lease import Lease
from experiments.views.readout import readout

SHAPE = Shape(
    900, repeats=3, forced=0.05, voided=0.06, rejected=0.06, by_unit=0.3, segments=3,
    extra={"objective": {"maximise": "net_value", "margin": 0.5}, "segments": {"by": ["x0"]}},
)  # fmt: skip
PATH = "/v1/experiments/synthetic"


def log_of(desk: Desk) -> list[dict]:
    """Joined rounds that belong in the readout, with unit and void reason."""
    with reading(desk.engine) as session:
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
def joined(desk: Desk, lease: Lease) -> Desk:
    write_log(desk.engine, SHAPE)
    desk.joiner.run(lease, now())
    return desk


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
        assert estimate["lower"] <= estimate["value"] <= estimate["upper"]
        assert estimate["n"] == len(log)


def test_variants_are_read_on_intention_to_treat_and_arms_as_delivered(joined: Desk) -> None:
    found, log = readout(joined.engine, SYSTEM, "synthetic"), log_of(joined)
    assert set(found["variants"]) == {"bandit", "uniform"}
    for variant, result in found["variants"].items():
        agree(result, [row for row in log if row["variant"] == variant])
    for arm, result in found["arms"].items():
        agree(result, [row for row in log if row["arm"] == arm and not row["voided"]])
    for variant in ("bandit", "uniform"):
        money = sum(row["metrics"].get("net_value", 0) for row in log if row["variant"] == variant)
        assert found["money"][variant]["net_value"] == pytest.approx(money)


def test_counts_add_up_and_only_matured_decisions_count(desk: Desk, lease: Lease) -> None:
    write_log(desk.engine, SHAPE)
    with transaction(desk.engine) as session:
        session.connection().execute(update(Experiment).values(clock_now=START + 400 * SECOND))
    desk.joiner.run(lease, now())
    found, log = readout(desk.engine, SYSTEM, "synthetic"), log_of(desk)
    counts = found["counts"]
    assert counts["matured"] == len(log) == sum(one["decisions"] for one in found["variants"].values())
    assert counts["void"] == sum(row["voided"] for row in log)
    assert 0 < counts["open"] < 900 - 330
    assert counts["decisions"] == counts["matured"] + counts["open"]
    assert counts["forced"] > 0
    assert found["as_of"] == "2023-11-14T22:20:00Z"


def test_a_segment_is_read_alone(joined: Desk) -> None:
    whole, log = readout(joined.engine, SYSTEM, "synthetic"), log_of(joined)
    assert sum(one["matured"] for one in whole["segments"].values()) == whole["counts"]["matured"]
    found = readout(joined.engine, SYSTEM, "synthetic", "s1")
    for variant, result in found["variants"].items():
        agree(result, [row for row in log if row["variant"] == variant and row["segment"] == "s1"])
    assert found["counts"]["open"] is None


def test_batches_of_any_size_give_the_same_readout(joined: Desk, lease: Lease) -> None:
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
    assert empty.json()["verdict"]["word"] == "not judged yet"
    assert client.get(f"{PATH}/learning").json()["settled"] is False
    assert client.get(f"{PATH}/learning").json()["pending"] == 900
    desk = Desk(service.settings)
    lease = desk.leaseholder.hold()
    desk.joiner.run(lease, now())
    assert client.get(f"{PATH}/learning").json()["settled"] is False
    desk.learner.run(lease)
    status = client.get(f"{PATH}/learning").json()
    (learner,) = status["learners"]
    assert status["settled"] is True
    assert learner["snapshot_id"] == learner["loaded_snapshot_id"]
    assert (learner["variant"], learner["snapshots"]) == ("bandit", 1)
    found = client.get(f"{PATH}/results").json()
    as_of = {"as_of": found["as_of"]}
    assert found == readout(desk.engine, SYSTEM, "synthetic") | as_of
    assert client.get(f"{PATH}/results?segment=s2").json()["segment"] == "s2"
    refused = client.get(f"{PATH}/results?method=bayes&event_type=bogo")
    assert (refused.status_code, len(refused.json()["errors"])) == (422, 2)
    assert client.get("/v1/experiments/none/results").status_code == 404
    assert client.get("/v1/experiments/none/learning").status_code == 404
    assert client.holding(None).get(f"{PATH}/results").status_code == 401
    desk.close()
