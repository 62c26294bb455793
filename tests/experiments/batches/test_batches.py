"""Batch decisions keep every law: the same decisions as one by one, nobody twice whatever kills the process."""

import io
import json
import re
import time

import pyarrow.parquet as pq
import pytest

from experiments.errors import InvalidError
from experiments.jobs import JOBS
from experiments.model.access.principal import SYSTEM
from experiments.services.batching.requesting import (
    BatchRequest,
    request_batch,
)
from tests.experiments.batches.base import UNITS, campaign, decided, run, status


def test_everybody_gets_the_decision_that_asking_would_give(client, settings, engine, base):
    campaign(client)
    first = client.post("/v1/experiments/win/assignments", json={"unit_id": "unit-00007"}).json()
    answer = client.post("/v1/experiments/win/batches", json={})
    assert answer.status_code == 202
    number = answer.json()["id"]
    rows = run(settings, engine, number)
    assert [row["unit_id"] for row in rows] == [f"unit-{n:05d}" for n in range(UNITS)]
    shown = status(client, number)
    assert shown["status"] == "done"
    assert shown["counts"] == {"new": UNITS * 9 // 10 - 1, "repeat": 1, "not_eligible": UNITS // 10}
    assert shown["progress"] == 1.0
    seventh = next(row for row in rows if row["unit_id"] == "unit-00007")
    assert (seventh["decision_id"], seventh["reason"]) == (first["decision_id"], "repeat")
    for row in rows[1:20]:
        asked = client.post("/v1/experiments/win/assignments", json={"unit_id": row["unit_id"]}).json()
        for name in ("assigned", "decision_id", "variant", "arm", "propensity", "event_type"):
            assert asked[name] == row[name], name
        assert asked["payload"] == (None if row["payload"] is None else json.loads(row["payload"]))
    verified = client.get("/v1/experiments/win/verification").json()
    assert (verified["draws_different"], verified["pmfs_different"]) == (0, 0)


def test_asking_again_for_the_base_decides_nobody_anew(client, settings, engine, base):
    campaign(client)
    run(settings, engine, request_batch(engine, SYSTEM, "win", BatchRequest()))
    before = decided(engine)
    again = run(settings, engine, request_batch(engine, SYSTEM, "win", BatchRequest()))
    assert decided(engine) == before
    assert {row["reason"] for row in again} == {"repeat", "not_eligible"}


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_whom_nobody_may_contact_gets_no_payload_in_any_result(client, settings, engine, form):
    campaign(client)
    rows = [{"unit_id": unit, "context": {"orders": 2}} for unit in ("early", "known", "late", "free")]
    assert client.post("/v1/experiments/win/assignments", json=rows[1]).json()["assigned"]
    for unit in ("early", "known"):
        client.put(f"/v1/suppressions/{unit}", json={"reason": "complained"})
    number = client.post("/v1/experiments/win/batches", json={"assignments": rows}).json()["id"]
    run(settings, engine, number)
    client.put("/v1/suppressions/late", json={"reason": "complained when the result was written"})
    answer = client.get(f"/v1/experiments/win/batches/{number}/result?format={form}")
    if form == "parquet":
        found = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    else:
        found = [json.loads(line) for line in answer.text.splitlines()]
    assert {row["unit_id"]: (row["assigned"], row["reason"], row["withheld"]) for row in found} == {
        "early": (False, "suppressed", None),
        "known": (True, "repeat", "suppressed"),
        "late": (True, "new", "suppressed"),
        "free": (True, "new", None),
    }
    assert [row["payload"] is None for row in found] == [True, True, True, False]
    assert status(client, number)["counts"] == {"suppressed": 1, "repeat": 1, "new": 2}


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_results_in_every_format(client, settings, engine, base, form):
    campaign(client)
    body = {"assignments": [{"unit_id": "x,1", "context": {"orders": 2}}, {"unit_id": "y", "context": {"orders": 0}}]}
    number = client.post("/v1/experiments/win/batches", json=body).json()["id"]
    assert client.get(f"/v1/experiments/win/batches/{number}/result").status_code == 409
    run(settings, engine, number)
    answer = client.get(f"/v1/experiments/win/batches/{number}/result?format={form}")
    assert answer.status_code == 200
    if form == "parquet":
        rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    elif form == "jsonl":
        rows = [json.loads(line) for line in answer.text.splitlines()]
    else:
        lines = answer.text.splitlines()
        assert len(lines) == 3
        assert lines[1].startswith('"x,1",true,"new"')
        assert re.search(r'"\d{4}-\d\d-\d\dT[\d:.]+Z",$', lines[1])
        return
    assert [(row["unit_id"], row["assigned"]) for row in rows] == [("x,1", True), ("y", False)]
    assert isinstance(rows[0]["payload"], dict if form == "jsonl" else str)


def test_a_segment_or_some_of_its_values(client, settings, engine, base):
    campaign(client)
    client.post("/v1/segments", json={"key": "tier", "kind": "external"})
    members = [{"unit_id": f"unit-{n:05d}", "value": "gold" if n % 2 else "tin"} for n in range(21, 29)]
    client.put("/v1/segments/tier/members", json={"members": members})
    number = client.post("/v1/experiments/win/batches", json={"segment": "tier", "values": ["gold"]}).json()["id"]
    rows = run(settings, engine, number)
    assert [row["unit_id"] for row in rows] == [f"unit-{n:05d}" for n in (21, 23, 25, 27)]
    assert len(run(settings, engine, request_batch(engine, SYSTEM, "win", BatchRequest(segment="tier")))) == 8
    assert client.post("/v1/experiments/win/batches", json={"segment": "none"}).status_code == 404


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_files_below_the_configured_folder_only(serving, settings, engine, tmp_path, suffix):
    folder = tmp_path / "inbox"
    folder.mkdir()
    rows = [{"unit_id": str(n), "orders": n} for n in range(3)]
    written = {
        ".csv": "unit_id,orders\n" + "".join(f"{row['unit_id']},{row['orders']}\n" for row in rows),
        ".jsonl": "".join(
            json.dumps({"unit_id": row["unit_id"], "context": {"orders": row["orders"]}}) + "\n" for row in rows
        )
        + "{broken\n",
    }
    (folder / f"base{suffix}").write_text(written[suffix])
    (tmp_path / f"secret{suffix}").write_text(written[suffix])
    with serving(settings.model_copy(update={"batch_dir": folder}), engine) as service:
        client = service.client
        campaign(client)
        for name in (f"../secret{suffix}", str(tmp_path / f"secret{suffix}"), "none.csv", ".", "a\0b.csv"):
            refused = client.post("/v1/experiments/win/batches", json={"file": name})
            assert refused.status_code == 422, name
        number = client.post("/v1/experiments/win/batches", json={"file": f"base{suffix}"}).json()["id"]
        found = run(settings, engine, number)
        assert [row["assigned"] for row in found[:3]] == [False, True, True]
        if suffix == ".jsonl":
            assert found[3]["reason"].startswith("refused")
            assert status(client, number)["counts"]["refused"] == 1
        changed = client.post("/v1/experiments/win/batches", json={"file": f"base{suffix}"}).json()["id"]
        (folder / f"base{suffix}").write_text("unit_id\nz\n")
        with pytest.raises(InvalidError, match="changed"):
            run(settings, engine, changed)


def test_the_worker_runs_what_was_asked_for(client, worker, lease, base):
    campaign(client)
    number = client.post("/v1/experiments/win/batches", json={}).json()["id"]
    deadline = time.monotonic() + 60
    while status(client, number)["status"] != "done" and time.monotonic() < deadline:
        JOBS["batch"].run(worker)
        time.sleep(0.05)
    assert status(client, number)["done"] == UNITS
    assert client.get("/v1/experiments/win/batches").json()["items"][0]["id"] == number


def test_rows_that_are_given_show_how_many_they_are(client, settings, engine):
    """And keep the caller's instant."""
    campaign(client, clock="caller")
    rows = [{"unit_id": f"unit-{n}", "context": {"orders": n}} for n in range(3)]
    body = {"assignments": rows, "at": "2026-01-01T00:00:00Z"}
    asked = client.post("/v1/experiments/win/batches", json=body).json()
    assert asked["request"] == {"assignments": 3}
    found = run(settings, engine, asked["id"])
    assert [row["reason"] for row in found] == ["not_eligible", "new", "new"]
    assert {row["decided_at"].year for row in found[1:]} == {2026}
    assert status(client, asked["id"])["total"] == 3


def test_requests_that_make_no_sense(client, base):
    campaign(client)
    for body, code in (
        ({"segment": "tier", "file": "x.csv"}, 422),
        ({"values": ["x"]}, 422),
        ({"at": "2026-01-01T00:00:00Z"}, 422),
        ({"file": "x.csv"}, 422),
        ({"assignments": []}, 422),
        ({"assignments": [{"unit_id": "x", "colour": 1}]}, 422),
        ({"assignments": [{"unit_id": "x\0"}]}, 422),
    ):
        assert client.post("/v1/experiments/win/batches", json=body).status_code == code, body
    client.post("/v1/experiments", json={"key": "draft", "arms": [{"key": "a"}], "variants": []})
    assert client.post("/v1/experiments/none/batches", json={}).status_code == 404
    assert status(client, 99).get("status") == 404
