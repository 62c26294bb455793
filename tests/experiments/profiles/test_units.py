"""Units in lists."""

from sqlmodel import select

from experiments.model.tables.core import Unit
from experiments.store.core.engine import reading


def test_many_units_are_stored_together_and_merged(client, engine):
    units = [{"unit_id": f"u{n}", "profile": {"orders": n, "country": "DE"}} for n in range(1000)]
    assert client.post("/v1/units/batch", json={"units": units}).json() == {"stored": 1000}
    merged = {"units": [{"unit_id": "u1", "profile": {"orders": 7, "country": None}}], "merge": True}
    assert client.post("/v1/units/batch", json=merged).json() == {"stored": 1}
    assert client.get("/v1/units/u1").json()["profile"] == {"orders": 7}
    with reading(engine) as session:
        assert len(session.exec(select(Unit.unit_id)).all()) == 1000


def test_a_fault_in_one_unit_refuses_all_with_its_place(client):
    given = [("a", {"x": 1}), ("", {}), ("b", {"x": []})]
    units = [{"unit_id": unit_id, "profile": profile} for unit_id, profile in given]
    answer = client.post("/v1/units/batch", json={"units": units})
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/units/1/unit_id", "/units/2/profile/x"}
    assert client.get("/v1/units/a").status_code == 404
    too_many = {"units": [{"unit_id": "a", "profile": {}}] * 1001}
    assert client.post("/v1/units/batch", json=too_many).status_code == 422
