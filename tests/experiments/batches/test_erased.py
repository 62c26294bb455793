"""Who is erased is in no result of a batch: not when it is fetched, and soon not on disk."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from experiments.errors import StoppedError
from experiments.model.access.principal import SYSTEM
from experiments.services.batching import erasing, running, sources
from experiments.services.batching.requesting import BatchRequest, claim_batch, request_batch
from experiments.services.batching.running import run_batch
from experiments.services.refreshing_features import compact_history
from experiments.store.core.engine import reading, transaction
from tests.experiments.batches.base import campaign, run

ROWS = [{"unit_id": unit, "context": {"orders": orders}} for unit, orders in (("ana", 2), ("ben", 2), ("cleo", 0))]


_WAITING = "SELECT count(*) FROM erasures WHERE in_files"


def _asked(client):
    return client.post("/v1/experiments/win/batches", json={"assignments": ROWS}).json()["id"]


def _units(client, number, form):
    content = client.get(f"/v1/experiments/win/batches/{number}/result?format={form}").content
    if form == "parquet":
        return pq.read_table(io.BytesIO(content))["unit_id"].to_pylist()
    lines = content.decode().splitlines()
    return [json.loads(line)["unit_id"] for line in lines] if form == "jsonl" else content.decode()


def _scalar(engine, query):
    with reading(engine) as session:
        return session.connection().execute(text(query)).scalar()


def _on_disk(settings, name):
    files = [path for path in (settings.history_path / "batches").rglob("*") if path.is_file()]
    return [
        path.name
        for path in files
        if name in path.read_bytes()
        or (path.suffix == ".parquet" and name.decode() in pq.read_table(path)["unit_id"].to_pylist())
    ]


def test_results_are_masked_and_then_written_anew(client, settings, engine):
    campaign(client)
    number = _asked(client)
    run(settings, engine, number)
    for unit in ("ana", "cleo"):  # one with a decision, one without
        assert client.delete(f"/v1/units/{unit}").status_code == 204
    tombstone = _scalar(engine, "SELECT unit_id FROM decisions WHERE unit_id LIKE 'erased-%'")
    for _ in range(2):
        for form in ("parquet", "jsonl"):
            first, second, third = _units(client, number, form)
            assert (first, second, third[:7]) == (tombstone, "ben", "erased-")
        found = _units(client, number, "csv")
        assert "ana" not in found and "cleo" not in found
        compact_history(engine, settings.history_path)
    assert _scalar(engine, _WAITING) == 0
    assert _on_disk(settings, b"ana") == _on_disk(settings, b"cleo") == []
    assert sorted(_on_disk(settings, b"ben")) == ["asked.jsonl", "result.parquet"]


def test_who_comes_back_is_in_later_batches(client, settings, engine):
    campaign(client)
    run(settings, engine, _asked(client))
    assert client.delete("/v1/units/ana").status_code == 204
    refused = _asked(client)
    assert run(settings, engine, refused)[0]["reason"].startswith("refused: ")
    assert _on_disk(settings, b"ana") != [] and "ana" not in _units(client, refused, "jsonl")
    assert client.put("/v1/units/ana", json={"profile": {}}).status_code == 204
    later = _asked(client)
    run(settings, engine, later)
    assert _units(client, later, "jsonl")[0] == "ana"
    compact_history(engine, settings.history_path)
    assert _units(client, later, "jsonl")[0] == "ana"


@pytest.mark.parametrize("at", ["queued", "running", "cancelled"])
def test_a_batch_that_is_not_over_holds_nobody_who_was_erased(client, settings, engine, at, monkeypatch):
    campaign(client)
    number, claim = _asked(client), None
    if at == "cancelled":
        monkeypatch.setattr(erasing, "_QUIET", -10_000_000)
        client.post(f"/v1/experiments/win/batches/{number}/cancel")
    if at == "running":
        claim = claim_batch(engine, number)
    assert client.delete("/v1/units/ana").status_code == 204
    compact_history(engine, settings.history_path)
    assert _on_disk(settings, b"ana") == []
    assert _scalar(engine, _WAITING) == (1 if at == "running" else 0), "what a process has read it may still write"
    if at == "cancelled":
        client.post(f"/v1/experiments/win/batches/{number}/resume")
    rows = pq.read_table(run_batch(settings, engine, claim or claim_batch(engine, number))).to_pylist()
    assert len(rows) == 3
    compact_history(engine, settings.history_path)
    assert _on_disk(settings, b"ana") == []
    assert _scalar(engine, _WAITING) == 0


def _rows(client, number, form):
    content = client.get(f"/v1/experiments/win/batches/{number}/result?format={form}").content
    if form == "parquet":
        return pq.read_table(io.BytesIO(content)).to_pylist()
    if form == "jsonl":
        return [json.loads(line) for line in content.decode().splitlines()]
    told = {"true": True, "false": False, "": None}
    lines = csv.DictReader(io.StringIO(content.decode()))
    return [{name: told.get(value, value) for name, value in row.items()} for row in lines]


LEFT_ALONE = {"assigned": False, "reason": "erased", "withheld": "erased", "payload": None}


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("is_written_anew", [False, True])
def test_nobody_contacts_an_erased_person_by_any_result(client, settings, engine, form, is_written_anew):
    campaign(client)
    number = _asked(client)
    run(settings, engine, number)
    before = _rows(client, number, form)
    assert client.delete("/v1/units/ana").status_code == 204
    if is_written_anew:
        compact_history(engine, settings.history_path)
    ana, ben, _ = _rows(client, number, form)
    assert {name: ana[name] for name in LEFT_ALONE} == LEFT_ALONE
    assert (ana["decision_id"], ana["arm"]) == (before[0]["decision_id"], before[0]["arm"]), "what was drawn stays"
    assert ben == before[1]
    assert client.put("/v1/units/ana", json={"profile": {}}).status_code == 204
    assert _rows(client, number, form)[0] == ana, "a new person under the id is another one"


@pytest.mark.parametrize("left_alone", ["erased", "suppressed"])
def test_parts_that_are_written_leave_alone_who_must_be_when_the_whole_is(
    client, settings, engine, left_alone, monkeypatch
):
    monkeypatch.setattr(running, "PART", 1)
    monkeypatch.setitem(running.BLOCK, settings.is_sqlite, 1)
    monkeypatch.setattr(sources, "PAGE", 1)
    campaign(client)
    number = _asked(client)
    with monkeypatch.context() as broken:
        broken.setattr(running, "join_parts", _stopped)
        with pytest.raises(StoppedError):
            run_batch(settings, engine, claim_batch(engine, number))
    assert _on_disk(settings, b"ana") != ["asked.jsonl"], "it is in a part"
    if left_alone == "erased":
        assert client.delete("/v1/units/ana").status_code == 204
    else:
        client.put("/v1/suppressions/ana", json={"reason": "complained"})
    monkeypatch.setattr("experiments.services.batching.requesting.SILENCE", -10_000_000)
    ana, *_ = run(settings, engine, number)
    assert (ana["withheld"], ana["payload"], ana["assigned"]) == (left_alone, None, left_alone == "suppressed")
    assert ana["decision_id"] is not None
    assert left_alone == "suppressed" or ana["unit_id"].startswith("erased-")


def _stopped(*_):
    raise StoppedError


def test_a_row_that_is_refused_does_not_name_who_was_erased(client, settings, engine):
    campaign(client)
    assert client.put("/v1/units/ana", json={"profile": {}}).status_code == 204
    assert client.delete("/v1/units/ana").status_code == 204
    path = settings.history_path / "asked_for.jsonl"
    path.write_text('{"unit_id": "ana", "context": {"orders": [[1]]}}\n{"unit_id": "ana", "context": {}}\n')
    number = request_batch(engine, SYSTEM, "win", BatchRequest(path=str(path)))
    rows = run(settings, engine, number)
    assert "ana" not in [row["unit_id"] for row in rows]
    assert [row["withheld"] for row in rows][1] == "erased"


def test_results_outlive_the_sweep_of_the_history(client, settings, engine, monkeypatch):
    monkeypatch.setattr("experiments.store.units.compaction._GRACE", -1.0)
    campaign(client)
    number = _asked(client)
    run(settings, engine, number)
    compact_history(engine, settings.history_path)
    assert _units(client, number, "jsonl") == ["ana", "ben", "cleo"]


@pytest.mark.parametrize("name", ["ana", "zoë/1"])
def test_dead_letters_that_name_an_erased_person_are_deleted(client, engine, name):
    bodies = [
        json.dumps({"data": [{"unit_id": name}]}).encode(),
        json.dumps({"data": {"unit_id": name}}, ensure_ascii=False).encode(),
        json.dumps({"unit_id": name}).replace("/", "\\/").encode(),
        b"{broken " + json.dumps(name).encode(),
        json.dumps({"unit_id": name + "x"}).encode(),
        b"\xff\x00",
    ]
    rows = [{"body": body, "digest": str(place)} for place, body in enumerate(bodies)]
    put = "INSERT INTO dead_letters (digest, stream, reason, body, died_at) VALUES (:digest, 'outcomes', '', :body, 0)"
    with transaction(engine) as session:
        session.connection().execute(text(put), rows)
    assert client.delete(f"/v1/units/{name}").status_code == 204
    with reading(engine) as session:
        left = session.connection().execute(text("SELECT digest FROM dead_letters ORDER BY digest")).scalars().all()
    assert left == ["4", "5"]
    assert client.delete(f"/v1/units/{name}").status_code == 404
