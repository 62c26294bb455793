"""Contacts as history: the service's own decisions, those that were none, and what became of the others."""

import time

from sqlalchemy import text

from experiments.jobs import JOBS
from experiments.model.access.principal import SYSTEM
from experiments.model.times import SECOND, now
from experiments.services.refreshing_features import anything_new, refresh_features
from experiments.store.core.engine import transaction
from experiments.store.units.activity import history

CAMPAIGN = {
    "key": "e",
    "attribution_window": "P1D",
    "grace": "PT0S",
    "arms": [{"key": "a", "event_type": "bogo"}, {"key": "b"}],
    "variants": [{"key": "v", "share": 1, "policy": {"name": "uniform"}}],
}


def test_contacts_and_responses_of_the_service_are_taken_over_once(service, tmp_path, worker, lease, monkeypatch):
    """Rows through the gatherers: what was decided, what was voided before and after, and what became of it."""
    monkeypatch.setattr("experiments.services.refreshing_features._SETTLED", -SECOND)
    monkeypatch.setattr("experiments.store.units.contacts.AT_ONCE", 2)
    client, folder = service.client, service.settings.history_path
    nobody = {"key": "holdout", "share": 1, "policy": {"name": "fixed", "params": {"arm": "nothing"}}}
    for body in (
        CAMPAIGN,
        {**CAMPAIGN, "key": "quiet", "variants": [nobody]},
        {**CAMPAIGN, "key": "r", "clock": "caller"},
    ):
        assert client.post("/v1/experiments", json=body).status_code == 201
        assert client.post(f"/v1/experiments/{body['key']}/start").status_code == 200
    decided = {unit: _decide(client, "e", unit) for unit in ("ana", "ben", "cy", "dot", "eve")}
    _decide(client, "quiet", "fay")
    _decide(client, "r", "gus", at="2026-01-01T00:00:00Z")
    _outcome(client, decided["ana"])
    client.post(f"/v1/decisions/{decided['eve']}/void", json={"reason": "undeliverable"})
    assert refresh_features(service.engine, SYSTEM, folder) == 4
    assert refresh_features(service.engine, SYSTEM, folder) == 0
    assert _contacts(client, "ana", "ben", "cy", "dot") == {"ana": 1, "ben": 1, "cy": 1, "dot": 1}
    answers = client.post(
        "/v1/decisions/void",
        json={"decisions": [{"decision_id": decided[unit], "reason": "late"} for unit in ("ben", "cy", "dot")]},
    )
    assert answers.status_code == 200
    assert anything_new(service.engine)
    assert refresh_features(service.engine, SYSTEM, folder) == 3
    assert not anything_new(service.engine)
    assert _contacts(client, "ana", "ben", "cy", "dot") == {"ana": 1, "ben": 0, "cy": 0, "dot": 0}
    assert "days_since_contact" not in client.get("/v1/units/ben").json()["features"]
    with transaction(service.engine) as session:
        session.connection().execute(text(f"UPDATE decisions SET matures_at = {now() - 1}"))
    deadline = time.monotonic() + 30
    while not JOBS["join"].run(worker):
        assert time.monotonic() < deadline, "not joined in time"
        time.sleep(0.05)
    with history(service.engine, folder) as duck:
        assert duck.sql("SELECT count(*) FROM contacts").fetchall() == [(4,)]
        assert duck.sql("SELECT count(DISTINCT event_key) FROM voids").fetchall() == [(4,)]
    assert refresh_features(service.engine, SYSTEM, folder) == 1, "of the voided ones nothing is learned"
    features = client.get("/v1/units/ana").json()["features"]
    assert (features["offers"], features["response_rate"]) == (1, 0.75)


def _decide(client, key, unit, **members):
    answer = client.post(f"/v1/experiments/{key}/assignments", json={"unit_id": unit, **members}).json()
    assert answer["assigned"], answer
    return answer["decision_id"]


def _outcome(client, decision):
    record = client.get(f"/v1/decisions/{decision}").json()
    outcome = {"event_id": "o", "decision_id": decision, "kind": "session", "occurred_at": record["decided_at"]}
    assert client.post("/v1/outcomes", json=outcome).json()["results"][0]["class"] == "accepted"


def _contacts(client, *units):
    return {unit: client.get(f"/v1/units/{unit}").json()["features"]["contacts_30d"] for unit in units}
