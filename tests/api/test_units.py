"""Profiles, erasure and the global holdout."""

import pytest
from sqlmodel import select

from experiments.model.deciding.record import Record, decode_record, encode_record
from experiments.model.tables.core import Decision, Outcome
from experiments.store.core.engine import reading, transaction


def test_a_profile_is_stored_replaced_and_shown(client):
    assert client.get("/v1/units/ana").status_code == 404
    assert client.put("/v1/units/ana", json={"profile": {"orders": 3, "country": "DE"}}).status_code == 204
    assert client.put("/v1/units/ana", json={"profile": {"orders": 4, "vip": True, "tier": None}}).status_code == 204
    shown = client.get("/v1/units/ana").json()
    assert shown["profile"] == {"orders": 4, "vip": True, "tier": None}
    assert shown["unit_id"] == "ana"


@pytest.mark.parametrize(
    ("profile", "pointer"),
    [
        ({"a": [1]}, "/profile/a"),
        ({"a": {"b": 1}}, "/profile/a"),
        ({"a": "x" * 1001}, "/profile/a"),
        ({"a\x00": 1}, "/profile"),
        ({"a": "\x00"}, "/profile/a"),
        ({"": 1}, "/profile/"),
        ({"a": 2**63}, "/profile/a"),
        ({f"f{n}": n for n in range(10_000)}, "/profile"),
    ],
)
def test_what_is_no_profile_is_refused(client, profile, pointer):
    answer = client.put("/v1/units/ana", json={"profile": profile})
    assert answer.status_code == 422, answer.text
    assert pointer in {fault["pointer"] for fault in answer.json()["errors"]}
    assert client.get("/v1/units/ana").status_code == 404


def _decision(number, unit_id, **more):
    record = Record(
        context={"city": "Graz"}, eligible=["a", "b"], pmf=[0.5, 0.5], policy="uniform", segment="new", **more
    )
    return Decision(
        id=number,
        experiment_id=1,
        unit_id=unit_id,
        epoch=number,
        attempt=0,
        revision=1,
        variant="v",
        arm="a",
        propensity=0.5,
        mode="fixed",
        decided_at=number,
        expires_at=number,
        matures_at=number,
        idempotency_key=f"{unit_id}-{number}",
        record=encode_record(record).decode(),
    )


def _outcome(event_id, unit_id, decision_id):
    return Outcome(
        source="",
        event_id=event_id,
        unit_id=unit_id,
        decision_id=decision_id,
        kind="session",
        occurred_at=5,
        received_at=5,
        outcome_class="accepted",
        properties='{"city": "Graz"}',
    )


def test_erasing_a_person_keeps_the_statistics(client, engine, campaign):
    assert client.post("/v1/experiments", json=campaign).status_code == 201
    client.put("/v1/units/ana", json={"profile": {"orders": 3}})
    with transaction(engine) as session:
        session.add_all([_decision(1, "ana"), _decision(2, "ana"), _decision(3, "ben")])
        session.add_all([_outcome("e1", "ana", None), _outcome("e2", None, 2), _outcome("e3", "ben", 3)])
    assert client.delete("/v1/units/ana").status_code == 204
    assert client.get("/v1/units/ana").status_code == 404
    with reading(engine) as session:
        decisions = session.exec(select(Decision).order_by(Decision.id)).all()
        outcomes = session.exec(select(Outcome).order_by(Outcome.id)).all()
    first, second, third = decisions
    assert first.unit_id == second.unit_id == outcomes[0].unit_id
    assert first.unit_id.startswith("erased-")
    assert [row.idempotency_key for row in decisions] == [None, None, "ben-3"]
    assert [row.properties for row in outcomes] == [None, None, '{"city": "Graz"}']
    erased, kept = decode_record(first.record), decode_record(third.record)
    assert (erased.context, erased.erased) == ({}, True)
    assert (erased.pmf, erased.segment, first.propensity, first.arm) == ([0.5, 0.5], "new", 0.5, "a")
    assert (kept.context, kept.erased) == ({"city": "Graz"}, False)
    assert "ana" not in str(client.get("/v1/audit").json()["items"][0])


def test_erasing_nobody_is_not_found(client):
    assert client.delete("/v1/units/nobody").status_code == 404
    assert client.get("/v1/audit").json()["items"][0]["action"] == "key.create"


def test_the_global_holdout(client):
    assert client.get("/v1/settings/global-holdout").json() == {"share": 0.0}
    assert client.put("/v1/settings/global-holdout", json={"share": 0.05}).json() == {"share": 0.05}
    assert client.get("/v1/settings/global-holdout").json() == {"share": 0.05}


@pytest.mark.parametrize("share", [1, -0.1, "0.1", None, True])
def test_an_impossible_holdout_is_refused(client, share):
    assert client.put("/v1/settings/global-holdout", json={"share": share}).status_code == 422


def test_the_holdouts_salt_stays(client, engine):
    from experiments.model.tables.core import ServiceSetting

    salts = []
    for share in (0.1, 0.2):
        client.put("/v1/settings/global-holdout", json={"share": share})
        with reading(engine) as session:
            salts.append(session.get(ServiceSetting, "global_holdout").value["salt"])
    assert salts[0] == salts[1]
    assert salts[0] not in client.get("/v1/audit").text
