"""What stands in an erased person's place is nobody: it gets no profile, no decision, no history of its own."""

from sqlalchemy import text

from experiments.model.access.principal import SYSTEM
from experiments.services import refreshing_features
from experiments.store.core.engine import reading
from tests.experiments.batches.base import campaign, run


def units(engine):
    with reading(engine) as session:
        return sorted(session.connection().execute(text("SELECT unit_id FROM units")).scalars())


def test_a_refresh_makes_no_profile_of_who_was_erased(client, settings, engine, monkeypatch):
    monkeypatch.setattr(refreshing_features, "_SETTLED", -60 * refreshing_features.SECOND)
    campaign(client)
    for unit in ("ana", "ben"):
        client.put(f"/v1/units/{unit}", json={"profile": {"orders": 3}})
        decision = client.post("/v1/experiments/win/assignments", json={"unit_id": unit}).json()["decision_id"]
        event = {"event_id": f"e-{unit}", "decision_id": decision, "kind": "session"}
        client.post("/v1/outcomes", json={"outcomes": [event | {"occurred_at": "2030-01-01T00:00:00Z"}]})
    assert client.delete("/v1/units/ana").status_code == 204
    for everyone in (False, True):
        refreshing_features.refresh_features(engine, SYSTEM, settings.history_path, everyone=everyone)
        assert units(engine) == ["ben"]
    asked = client.post("/v1/experiments/win/batches", json={}).json()
    assert [row["unit_id"] for row in run(settings, engine, asked["id"])] == ["ben"]


def test_what_stands_for_a_person_is_nobodys_id(client, settings, engine):
    campaign(client)
    client.put("/v1/units/ana", json={"profile": {"orders": 3}})
    decision = client.post("/v1/experiments/win/assignments", json={"unit_id": "ana"}).json()["decision_id"]
    assert client.delete("/v1/units/ana").status_code == 204
    name = client.get(f"/v1/decisions/{decision}").json()["unit_id"]
    assert name.startswith("erased-")
    for other in (name, f"{name}-2"):
        ask = client.post("/v1/experiments/win/assignments", json={"unit_id": other})
        assert (ask.status_code, ask.json()["errors"][0]["pointer"]) == (422, "/unit_id")
        assert client.put(f"/v1/units/{other}", json={"profile": {}}).status_code == 422
        assert client.put("/v1/suppressions", json={"units": [other], "reason": "x"}).status_code == 422
        assert client.delete(f"/v1/units/{other}").status_code == 404
        event = {"event_id": other, "unit_id": other, "kind": "session", "occurred_at": "2026-01-05T00:00:00Z"}
        assert client.post("/v1/outcomes", json={"outcomes": [event]}).json()["results"][0]["class"] == "rejected"
    assert units(engine) == []
