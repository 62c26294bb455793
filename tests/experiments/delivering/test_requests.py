"""Destinations and deliveries as people ask for them: what is refused, what a file holds, what is private."""

import csv
import io
import json
import shutil
import socket

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from experiments.connectors.webhooks import Sender, UnsafeTargetError, target_fault
from experiments.store.core.engine import transaction
from tests.experiments.batches.base import run


def _destination(**members):
    return {
        "key": "crm",
        "kind": "webhook",
        "url": "https://crm.example/hook",
        "signing_env": "WINBACK_SECRET_X",
    } | members


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"kind": "pigeon"}, "/kind"),
        ({"key": "a b"}, "/key"),
        ({"url": "ftp://crm.example"}, "/url"),
        ({"url": "https://user:pass@crm.example"}, "/url"),
        ({"url": "nowhere"}, "/url"),
        ({"signing_env": None}, "/signing_env"),
        ({"signing_env": "WINBACK_DATABASE_URL"}, "/signing_env"),
        ({"signing_env": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "/signing_env"),
        ({"kind": "braze"}, "/credential_env"),
        ({"kind": "braze", "credential_env": "PATH"}, "/credential_env"),
        ({"options": {"colour": "red"}}, "/options"),
        ({"options": {"event_name": 5}}, "/options/event_name"),
    ],
)
def test_a_destination_that_makes_no_sense_is_refused(sqlite_client, members, pointer):
    refused = sqlite_client.post("/v1/destinations", json=_destination(**members))
    assert refused.status_code == 422, refused.text
    assert pointer in {fault["pointer"] for fault in refused.json()["errors"]}


PRIVATE = [
    "http://127.0.0.1",
    "http://localhost:9000",
    "http://10.1.2.3",
    "http://172.16.0.1",
    "http://192.168.1.1",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]",
    "http://[::ffff:127.0.0.1]",
    "http://[fd00::1]",
    "http://[fe80::1]",
    "http://[2002:7f00:1::]",
    "http://0.0.0.0",
    "http://224.0.0.1",
    "http://100.64.0.1",
    "http://db.internal",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused(sqlite_client, url):
    assert target_fault(url, allow_private=False) is not None
    assert target_fault(url, allow_private=True) is None
    refused = sqlite_client.post("/v1/destinations", json=_destination(url=url))
    assert {fault["pointer"] for fault in refused.json()["errors"]} == {"/url"}
    assert "WINBACK_ALLOW_PRIVATE_WEBHOOKS" in refused.text


def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_called(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    sender = Sender(allow_private=False)
    with pytest.raises(UnsafeTargetError, match="private"):
        sender.post("http://sneaky.example/x", b"{}", {})
    sender.close()


def test_nothing_listens_is_an_answer_of_its_own():
    sender = Sender(allow_private=True, timeout=1.0)
    answer = sender.post("http://127.0.0.1:9/x", b"{}", {})
    sender.close()
    assert (answer.status, answer.accepted, "Connect" in answer.text) == (0, False, True)
    assert answer.text.startswith("127.0.0.1:9 cannot be reached")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(-2, "Name or service not known"), "crm.example has no address: correct the destination's url"),
        (httpx.ReadTimeout("timed out"), "crm.example did not answer in time"),
        (httpx.ConnectTimeout(""), "crm.example cannot be reached: no connection in time"),
        (httpx.RemoteProtocolError(""), "crm.example broke off: RemoteProtocolError"),
    ],
)
def test_what_kept_an_answer_from_coming_is_told_in_words(monkeypatch, error, told):
    def fails(*_, **__):
        raise error

    sender = Sender(allow_private=True)
    monkeypatch.setattr(sender, "_address", fails)
    assert sender.post("https://crm.example/hook", b"{}", {}).text.startswith(told)
    sender.close()


def test_destinations_are_kept_changed_and_deleted(client):
    assert client.post("/v1/destinations", json=_destination()).status_code == 201
    assert client.post("/v1/destinations", json=_destination()).status_code == 409
    changed = client.patch("/v1/destinations/crm", json={"batch_size": 5, "signing_env": "WINBACK_SECRET_Y"})
    assert (changed.json()["batch_size"], changed.json()["signing_env"]) == (5, "WINBACK_SECRET_Y")
    assert client.patch("/v1/destinations/crm", json={"url": "x"}).status_code == 422
    assert [each["key"] for each in client.get("/v1/destinations").json()["items"]] == ["crm"]
    assert client.delete("/v1/destinations/crm").status_code == 204
    assert client.get("/v1/destinations/crm").status_code == 404
    assert client.get("/v1/destinations").json() == {"items": []}
    assert client.post("/v1/destinations", json=_destination()).status_code == 409
    actions = [entry["action"] for entry in client.get("/v1/audit").json()["items"]]
    assert actions[:3] == ["destination.delete", "destination.change", "destination.create"]


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"destination": "none"}, 404),
        ({"destination": "crm", "format": "csv"}, 422),
        ({"source": {"batch": 1}}, 422),
        ({"source": {"segment": "none"}}, 422),
        ({"source": {"batch": 1, "segment": "x"}}, 422),
        ({"source": {"value": "x"}}, 422),
        ({"source": {"since": "!"}}, 422),
        ({"again": True}, 422),
    ],
)
def test_a_delivery_that_makes_no_sense_is_refused(outbound, members, status):
    outbound.destination()
    refused = outbound.client.post("/v1/experiments/e/deliveries", json=members)
    assert refused.status_code == status, refused.text


def _file(outbound, kind, **members):
    asked = outbound.client.post("/v1/experiments/e/deliveries", json={"format": kind, **members})
    assert asked.status_code == 202, asked.text
    assert (asked.json()["status"], asked.json()["destination"]) == ("ready", None)
    answer = outbound.client.get(asked.json()["file"])
    assert answer.status_code == 200, answer.text
    assert kind in answer.headers["content-disposition"]
    return answer.content, asked.json()


def _rows(kind, content):
    if kind == "csv":
        return [{**row, "payload": json.loads(row["payload"])} for row in csv.DictReader(io.StringIO(content.decode()))]
    if kind == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    return [{**row, "payload": json.loads(row["payload"])} for row in rows]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_has_every_assignment_with_its_payload(outbound, kind, monkeypatch):
    monkeypatch.setattr("experiments.views.batching.assignment_files.ROWS", 2)
    decided = outbound.decide('an,"a', "ben\n", "=cleo", "dora", "x", "left alone", "forgotten")
    outbound.client.post(f"/v1/decisions/{decided['x']}/void", json={"reason": "suppressed"})
    outbound.client.put("/v1/suppressions/left%20alone", json={"reason": "complained"})
    assert outbound.client.delete("/v1/units/forgotten").status_code == 204
    del decided["x"], decided["left alone"], decided["forgotten"]
    content, shown = _file(outbound, kind)
    rows = _rows(kind, content)
    assert {row["unit_id"]: row["decision_id"] for row in rows} == decided
    assert {(row["arm"], row["event_type"], float(row["reward_amount"])) for row in rows} == {("gift", "bogo", 5.0)}
    assert all(row["payload"] == {"t": "ü"} for row in rows)
    assert all(float(row["propensity"]) > 0 for row in rows)
    counts = outbound.client.get(f"/v1/deliveries/{shown['id']}").json()
    assert (counts["sent"], counts["withheld"], counts["skipped"]) == (4, 2, 1)
    outbound.client.put("/v1/suppressions/dora", json={"reason": "complained"})
    assert len(_rows(kind, outbound.client.get(shown["file"]).content)) == 3, "whoever fetches it later"
    counts = outbound.client.get(f"/v1/deliveries/{shown['id']}").json()
    assert (counts["sent"], counts["withheld"], counts["skipped"]) == (3, 3, 1)
    assert outbound.outcomes(decided["dora"]) == [], "a file is no exposure"
    assert outbound.client.post(f"/v1/deliveries/{shown['id']}/cancel").status_code == 409


def test_an_empty_file_is_a_file(outbound):
    assert _rows("csv", _file(outbound, "csv")[0]) == []
    assert _file(outbound, "jsonl")[0] == b""
    assert pq.read_table(io.BytesIO(_file(outbound, "parquet")[0])).num_rows == 0


def test_a_file_goes_on_where_another_ended(outbound):
    outbound.decide("ana")
    with transaction(outbound.engine) as session:  # two minutes ago: an id says when it was made
        earlier = "UPDATE decisions SET id = id - :step"
        session.connection().execute(text(earlier), {"step": 120_000 << 22})
    first = _file(outbound, "jsonl")[1]
    outbound.decide("ben")
    rows = _rows("jsonl", _file(outbound, "jsonl", source={"since": first["next_cursor"]})[0])
    assert [row["unit_id"] for row in rows] == ["ben"]


def test_a_push_has_no_file_and_a_file_needs_its_scope(outbound, engine):
    from experiments.model.access.principal import SYSTEM
    from experiments.services.access.granting_keys import create_key

    outbound.destination()
    number = outbound.request()["id"]
    assert outbound.client.get(f"/v1/deliveries/{number}/file").status_code == 409
    reader = outbound.client.holding(create_key(engine, SYSTEM, "reader", ["read"]).key)
    assert reader.get(f"/v1/deliveries/{number}").status_code == 200
    assert reader.get(f"/v1/deliveries/{number}/file").status_code == 403


def test_deliveries_are_listed_newest_first(outbound):
    outbound.destination()
    numbers = [outbound.request()["id"] for _ in range(3)]
    page = outbound.client.get("/v1/experiments/e/deliveries?limit=2").json()
    assert [each["id"] for each in page["items"]] == numbers[:0:-1]
    rest = outbound.client.get(f"/v1/experiments/e/deliveries?cursor={page['next_cursor']}").json()
    assert [each["id"] for each in rest["items"]] == numbers[:1]


def _segment(engine, members):
    with transaction(engine) as session:
        connection = session.connection()
        connection.execute(
            text(
                "INSERT INTO segments (id, key, name, kind, params, drift_threshold, defined_at, created_at,"
                " created_by) VALUES (1, 'lapsed', '', 'rules', '{}', 0.2, 0, 0, 'tests')"
            )
        )
        for unit, value in members.items():
            connection.execute(
                text("INSERT INTO segment_members (segment_id, unit_id, value, since) VALUES (1, :unit, :value, 0)"),
                {"unit": unit, "value": value},
            )


def test_a_segment_narrows_it(outbound, engine):
    outbound.decide("ana", "ben", "cleo")
    _segment(engine, {"ana": "gold", "ben": "tin", "nobody": "gold"})
    rows = _rows("jsonl", _file(outbound, "jsonl", source={"segment": "lapsed"})[0])
    assert [row["unit_id"] for row in rows] == ["ana", "ben"]
    rows = _rows("jsonl", _file(outbound, "jsonl", source={"segment": "lapsed", "value": "gold"})[0])
    assert [row["unit_id"] for row in rows] == ["ana"]
    outbound.destination()
    assert outbound.push(source={"segment": "lapsed"})["sent"] == 2


def test_a_batch_narrows_it_to_whom_it_assigned(outbound, engine, settings, monkeypatch):
    monkeypatch.setattr("experiments.views.batching.assignment_files.ROWS", 2)
    known = outbound.decide("ana", "ben")
    units = [{"unit_id": unit, "context": {}} for unit in ("ben", "cleo", "dora", "eve", "cleo")]
    outbound.destination(batch_size=2)
    number = outbound.client.post("/v1/experiments/e/batches", json={"assignments": units}).json()["id"]
    asked = {"destination": "crm", "source": {"batch": number}}
    early = outbound.client.post("/v1/experiments/e/deliveries", json=asked)
    assert (early.status_code, early.json()["detail"]) == (409, f"batch {number} is queued; wait until it is done")
    result = run(settings, engine, number)
    outbound.decide("later")
    decided = {row["unit_id"]: row["decision_id"] for row in result}
    assert decided["ben"] == known["ben"], "who was decided before is of the batch all the same"
    rows = _rows("jsonl", _file(outbound, "jsonl", source={"batch": number})[0])
    assert {row["unit_id"]: row["decision_id"] for row in rows} == decided
    assert len(rows) == 4
    shown = outbound.push(source={"batch": number})
    assert (shown["status"], shown["sent"], shown["skipped"]) == ("done", 4, 0)
    assert [outbound.outcomes(each)[0]["kind"] for each in decided.values()] == ["delivered"] * 4
    assert outbound.outcomes(known["ana"]) == []


def test_a_batch_whose_result_is_elsewhere_is_told(outbound, engine, settings):
    number = outbound.client.post("/v1/experiments/e/batches", json={"assignments": [{"unit_id": "ana"}]}).json()["id"]
    run(settings, engine, number)
    outbound.destination()
    shutil.rmtree(settings.history_path / "batches" / str(number))
    shown = outbound.push(source={"batch": number})
    assert (shown["status"], shown["sent"]) == ("dead", 0)
    assert "not in the data directory" in shown["error"]
