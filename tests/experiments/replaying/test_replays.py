"""A live experiment's log judged in the background, exported, and read back."""

import json
import random
import time
from contextlib import contextmanager

import pytest

from experiments.jobs import WorkerContext
from experiments.jobs.joining import join
from experiments.jobs.learning import learn
from experiments.jobs.replaying import replays
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Replay
from experiments.services.replaying import claim_replay
from experiments.store import runs
from experiments.views.exports import EXPORTS
from experiments.views.exports.live_log import Chosen, live_log
from offline_eval.logs import open_log, read_spec
from offline_eval.replay import replay

DEFINITION = {
    "key": "live",
    "clock": "caller",
    "attribution_window": "PT1M",
    "decision_window": "PT1M",
    "grace": "PT0S",
    "objective": {"maximise": "conversion"},
    "context": {"numeric": ["days_inactive"], "categorical": ["country"]},
    "segments": {"by": ["country"]},
    "arms": [{"key": "nothing"}, {"key": "five", "reward_amount": 5}, {"key": "ten", "reward_amount": 10}],
    "variants": [
        {"key": "bandit", "share": 0.8, "policy": {"name": "epsilon_greedy"}},
        {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
    ],
    "shadow": [{"key": "candidate", "policy": {"name": "softmax"}}],
}
EXPERIMENT = "/v1/experiments/live"


def _campaign(client, rows=400):
    """Decisions with outcomes, matured but not joined."""
    assert client.post("/v1/experiments", json=DEFINITION).status_code == 201
    client.post(f"{EXPERIMENT}/start")
    rng = random.Random(7)
    asked = [
        {
            "unit_id": f"u{place}",
            "at": "2026-01-01T00:00:00Z",
            "context": {"days_inactive": rng.randrange(200), "country": rng.choice(["DE", "FR"])},
        }
        for place in range(rows)
    ]
    decisions = client.post(f"{EXPERIMENT}/assignments/batch", json={"assignments": asked}).json()["results"]
    converted = [d for d in decisions if rng.random() < (0.6 if d["arm"] == "ten" else 0.2)]
    outcomes = [
        {
            "event_id": d["decision_id"],
            "decision_id": d["decision_id"],
            "kind": "conversion",
            "occurred_at": d["decided_at"],
        }
        for d in converted
    ]
    assert client.post("/v1/outcomes", json={"outcomes": outcomes}).status_code == 200
    client.post(f"{EXPERIMENT}/clock", json={"at": "2026-01-01T01:00:00Z"})


@contextmanager
def _worker(settings):
    worker = WorkerContext(settings)
    join(worker)
    learn(worker)
    yield worker
    worker.close()


def _await(worker, client, url, status, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        replays(worker)
        found = client.get(url).json()
        if found["status"] == status:
            return found
        time.sleep(0.2)
    pytest.fail(f"the replay is still {found['status']}: {found['error']}")


def test_an_export_read_back_gives_the_numbers_of_the_service(service, settings, tmp_path):
    client = service.client
    _campaign(client)
    names = ["uniform", "fixed:ten", "shadow:candidate", "epsilon_greedy"]
    with _worker(settings) as worker:
        asked = client.post(f"{EXPERIMENT}/replays", json={"policies": names, "estimators": ["ips", "snips", "dr"]})
        assert asked.status_code == 202
        served = _await(worker, client, asked.headers["location"], "done")["result"]
    EXPORTS["parquet"](live_log(service.engine, SYSTEM, "live"), tmp_path / "out", lambda _: None)
    log = open_log(tmp_path / "out" / "log", read_spec(tmp_path / "out" / "spec.toml"))
    assert json.loads(json.dumps(replay(log, names, ["ips", "snips", "dr"]))) == served
    assert served["policies"]["fixed:ten"]["estimates"]["snips"]["value"] > 0.4
    listed = client.get(f"{EXPERIMENT}/replays").json()["items"]
    assert [item["status"] for item in listed] == ["done"]


def test_the_log_holds_what_was_decided(service, settings, tmp_path):
    _campaign(service.client, rows=120)
    with _worker(settings):
        pass
    log = live_log(service.engine, SYSTEM, "live")
    rows = [row for batch in log.batches() for row in batch.to_pylist()]
    assert len(rows) == log.rows
    assert {row["variant"] for row in rows} == {"bandit"}
    for row in rows:
        decision = service.client.get(f"/v1/decisions/{row['decision_id']}").json()
        assert row["propensity"] == decision["propensity"] == row["pmf"][row["eligible"].index(row["arm"])]
        assert row["reward"] == decision["round"]["reward"] == row["metric_conversion"]
        assert row["days_inactive"] == decision["context"]["days_inactive"]
        assert row["shadow_candidate"] == decision["shadow"]["candidate"]
        assert row["segment"] == decision["context"]["country"]


@pytest.mark.parametrize("layout", EXPORTS)
def test_every_layout_holds_every_row(service, settings, tmp_path, layout):
    _campaign(service.client, rows=60)
    with _worker(settings):
        pass
    log, told = live_log(service.engine, SYSTEM, "live", Chosen(variants=["bandit", "holdout"])), []
    files = EXPORTS[layout](log, tmp_path / "out", told.append)
    assert told[-1] == log.rows == 60
    assert all(path.stat().st_size for path in files)
    if layout == "dsjson":
        lines = [json.loads(line) for line in files[0].read_text().splitlines()]
        assert len(lines) == 60
        for line in lines:
            assert line["a"][0] == line["_label_Action"] == line["_labelIndex"] + 1
            assert line["p"][0] == line["_label_probability"]
            assert sum(line["p"]) == pytest.approx(1)


def test_what_cannot_be_judged_is_said(service, settings):
    client = service.client
    _campaign(client, rows=20)
    with _worker(settings) as worker:
        assert client.post(f"{EXPERIMENT}/replays", json={"estimators": ["magic"]}).status_code == 422
        asked = client.post(f"{EXPERIMENT}/replays", json={"start": "2031-01-01T00:00:00Z"})
        failed = _await(worker, client, asked.headers["location"], "failed")
    assert "no matured decision" in failed["error"]


def test_a_cancelled_replay_keeps_no_result_and_one_whose_process_died_starts_anew(service, settings):
    client = service.client
    _campaign(client, rows=20)
    first = client.post(f"{EXPERIMENT}/replays", json={}).json()["id"]
    claim = claim_replay(service.engine)
    assert claim.id == first
    assert claim_replay(service.engine) is None
    assert runs.note_progress(service.engine, Replay, first, "judging", 0.5)
    assert client.post(f"/v1/replays/{first}/cancel").status_code == 200
    assert not runs.note_progress(service.engine, Replay, first, "judging", 0.6)
    runs.finish(service.engine, Replay, first, {"n": 1})
    assert client.get(f"/v1/replays/{first}").json()["result"] is None
    assert client.post(f"/v1/replays/{first}/cancel").status_code == 409


def test_a_silent_replay_is_taken_up_again(service, monkeypatch):
    _campaign(service.client, rows=5)
    number = service.client.post(f"{EXPERIMENT}/replays", json={}).json()["id"]
    assert claim_replay(service.engine).id == number
    assert claim_replay(service.engine) is None
    monkeypatch.setattr("experiments.store.runs.SILENCE", -1)
    assert claim_replay(service.engine).id == number


def test_what_a_replay_cannot_know_is_refused_at_the_door(client):
    _campaign(client, rows=1)
    asked = {
        "policies": [
            "uniform",
            "fixed:twenty",
            "shadow:candidate",
            "shadow:nobody",
            "rules",
            "column:p",
            "best",
            "learned",
        ],
        "variants": ["bandit", "nobody"],
    }
    answer = client.post(f"{EXPERIMENT}/replays", json=asked)
    assert answer.status_code == 422
    told = {fault["pointer"]: fault["detail"] for fault in answer.json()["errors"]}
    assert sorted(told) == [f"/policies/{place}" for place in (1, 3, 4, 5, 6)] + ["/variants/1"]
    assert "nothing, five, ten" in told["/policies/1"]
    assert client.get(f"{EXPERIMENT}/replays").json()["items"] == []
