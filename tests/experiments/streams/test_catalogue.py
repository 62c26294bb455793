"""The arm catalogue: what is withdrawn there is eligible nowhere here, from the next decision on, and says why."""

import msgspec
import pytest

from benchmarks.broker_place import enveloped
from experiments.ingestion.consumer import Intake

ARMS = [{"key": "nothing"}, {"key": "bogo"}, {"key": "spring", "catalogue": "ev-17"}, {"key": "own"}]
CAMPAIGN = {"key": "e", "arms": ARMS, "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}]}


@pytest.fixture
def ask(client):
    client.post("/v1/experiments", json=CAMPAIGN)
    assert client.post("/v1/experiments/e/start").status_code == 200
    asked = 0

    def decide():
        nonlocal asked
        asked += 1
        answer = client.post("/v1/experiments/e/assignments", json={"unit_id": f"u{asked}"}).json()
        return client.get(f"/v1/decisions/{answer['decision_id']}").json()

    return decide


def put(client, *arms, status=200):
    response = client.put("/v1/catalogue/arms", json={"arms": list(arms)})
    assert response.status_code == status, response.text
    return response.json()


def excluded(decision):
    return decision["excluded"] if "excluded" in decision else decision["record"]["excluded"]


def test_withdrawn_is_out_before_the_draw_and_back_again(client, ask):
    assert set(ask()["pmf"]) == {arm["key"] for arm in ARMS}
    assert put(client, {"key": "ev-17", "status": "withdrawn"}) == {"applied": 1, "stale": [], "experiments": ["e"]}
    for _ in range(5):
        decision = ask()
        assert set(decision["pmf"]) == {"nothing", "bogo", "own"}
        assert sum(decision["pmf"].values()) == pytest.approx(1)
        assert excluded(decision) == {"spring": "withdrawn"}
    put(client, {"key": "ev-17"})
    assert "spring" in ask()["pmf"]


def test_an_arm_of_the_same_key_is_meant(client, ask):
    put(client, {"key": "bogo", "event_type": "bogo", "reward_amount": 5, "payload": {"t": 1}})
    assert client.get("/v1/catalogue/arms/bogo").json()["experiments"] == ["e"]
    withdrawn = client.delete("/v1/catalogue/arms/bogo").json()
    assert withdrawn["experiments"] == ["e"]
    assert excluded(ask()) == {"bogo": "withdrawn"}
    document = client.get("/v1/catalogue/arms/bogo").json()
    assert (document["status"], document["reward_amount"], document["payload"]) == ("withdrawn", 5, {"t": 1})


def test_where_all_are_withdrawn_nothing_is_drawn(client):
    lone = {"key": "lone", "arms": [{"key": "a"}], "variants": CAMPAIGN["variants"]}
    client.post("/v1/experiments", json=lone)
    client.post("/v1/experiments/lone/start")
    put(client, {"key": "a", "status": "withdrawn"})
    answer = client.post("/v1/experiments/lone/assignments", json={"unit_id": "u"}).json()
    assert (answer["assigned"], answer["reason"]) == (False, "no_arm")


def test_an_experiment_defined_afterwards_knows_it_too(client):
    put(client, {"key": "bogo", "status": "withdrawn"})
    client.post("/v1/experiments", json=CAMPAIGN)
    client.post("/v1/experiments/e/start")
    answer = client.post("/v1/experiments/e/assignments", json={"unit_id": "u"}).json()
    assert "bogo" not in answer["pmf"]


def test_the_stream_does_what_http_does(client, ask, engine):
    message = enveloped([{"key": "own", "status": "withdrawn"}, {"key": "new"}], kind="arm")
    assert Intake("catalogue", engine, None).take([msgspec.json.encode(message)]) == []
    assert excluded(ask()) == {"own": "withdrawn"}
    listed = client.get("/v1/catalogue/arms").json()["items"]
    assert {each["key"]: each["status"] for each in listed} == {"own": "withdrawn", "new": "active"}


def test_an_older_change_that_comes_later_is_stale(client):
    put(client, {"key": "a", "status": "withdrawn", "changed_at": "2026-02-02T00:00:00Z"})
    kept = put(client, {"key": "a", "changed_at": "2026-02-01T00:00:00Z"}, {"key": "b"})
    assert (kept["applied"], kept["stale"]) == (1, ["a"])
    assert client.get("/v1/catalogue/arms/a").json()["status"] == "withdrawn"


def test_faults_name_their_place_and_nothing_is_kept(client):
    refused = put(client, {"key": "a"}, {"key": "nothing"}, status=422)
    assert refused["errors"][0]["pointer"] == "/arms/1/key"
    refused = put(client, {"key": "a"}, {"key": "b", "reward_cost": -1, "colour": "red"}, status=422)
    assert {fault["pointer"] for fault in refused["errors"]} == {"/arms/1/reward_cost", "/arms/1/colour"}
    assert client.get("/v1/catalogue/arms").json()["items"] == []
    assert client.get("/v1/catalogue/arms/a").status_code == 404
    assert client.delete("/v1/catalogue/arms/a").status_code == 404
