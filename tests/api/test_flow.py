"""What is defined and changed over the cold routes is what the hot ones decide by, at once."""

import pytest

from experiments.model.access.principal import SYSTEM
from experiments.services.verifying import verify


@pytest.fixture
def definition(campaign):
    """Everybody takes part, and every arm has a chance."""
    del campaign["layer"], campaign["eligible"]
    campaign["variants"] = [{"key": "all", "share": 1.0, "policy": {"name": "uniform"}}]
    campaign["arms"].append({"key": "gift"})
    return campaign


@pytest.fixture
def ask(client):
    def assign(unit="u", key="spring-winback", **more):
        return client.post(f"/v1/experiments/{key}/assignments", json={"unit_id": unit, **more})

    return assign


def test_a_draft_decides_nothing(client, definition, ask):
    client.post("/v1/experiments", json=definition)
    assert ask().status_code == 409
    client.post("/v1/experiments/spring-winback/archive")
    assert ask().status_code == 409


def test_pausing_stops_new_decisions_and_keeps_old_ones(client, definition, ask):
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/spring-winback/start")
    first = ask("ana").json()
    assert first["reason"] == "new"
    client.post("/v1/experiments/spring-winback/pause")
    assert ask("ana").json() == {**first, "reason": "repeat"}
    assert (ask("ben").json()["assigned"], ask("ben").json()["reason"]) == (False, "paused")
    client.post("/v1/experiments/spring-winback/resume")
    assert ask("ben").json()["reason"] == "new"
    client.post("/v1/experiments/spring-winback/stop")
    assert ask("cleo").json()["reason"] == "ended"


@pytest.mark.parametrize(
    ("times", "reason"),
    [({"ends_at": "2020-01-01T00:00:00Z"}, "ended"), ({"starts_at": "2099-01-01T00:00:00Z"}, "not_enrolled")],
)
def test_the_schedule_is_kept(client, definition, ask, times, reason):
    client.post("/v1/experiments", json=definition)
    client.patch("/v1/experiments/spring-winback", json={"starts_at": times.get("starts_at")})
    client.post("/v1/experiments/spring-winback/start")
    if "ends_at" in times:
        assert client.patch("/v1/experiments/spring-winback", json=times).status_code == 200
    assert ask().json()["reason"] == reason


def test_adjustments_reach_the_next_decision(client, definition, ask):
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/spring-winback/start")
    arms = "/v1/experiments/spring-winback/arms"
    client.patch(f"{arms}/gift", json={"enabled": False, "reason": "sold out"})
    assert set(ask("a").json()["pmf"]) == {"nothing", "bogo-5"}
    client.patch(f"{arms}/bogo-5", json={"weight": 0.9, "reason": "push it"})
    assert ask("b").json()["pmf"] == pytest.approx({"nothing": 0.1, "bogo-5": 0.9})
    client.patch(f"{arms}/gift", json={"enabled": None, "reason": "back"})
    client.patch(f"{arms}/bogo-5", json={"weight": None, "reason": "enough"})
    assert ask("c").json()["pmf"] == pytest.approx({"nothing": 1 / 3, "bogo-5": 1 / 3, "gift": 1 / 3})


def test_a_revision_is_decided_under_at_once(client, definition, ask):
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/spring-winback/start")
    assert ask("a").json()["revision"] == 1
    client.patch("/v1/experiments/spring-winback", json={"arms": definition["arms"][:2]})
    decided = ask("b").json()
    assert (decided["revision"], set(decided["pmf"])) == (2, {"nothing", "bogo-5"})


def test_the_global_holdout_takes_no_part(client, definition, ask):
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/spring-winback/start")
    client.put("/v1/settings/global-holdout", json={"share": 0.5})
    reasons = [ask(f"u{n}").json()["reason"] for n in range(60)]
    assert 15 <= reasons.count("not_enrolled") <= 45
    assert set(reasons) == {"new", "not_enrolled"}


def test_a_profile_is_joined(client, definition, ask):
    definition["arms"][2]["eligible"] = {"==": [{"var": "tier"}, "gold"]}
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/spring-winback/start")
    assert "gift" not in ask("ana").json()["pmf"]
    client.put("/v1/units/ben", json={"profile": {"tier": "gold"}})
    assert "gift" in ask("ben").json()["pmf"]


def test_an_erased_person_is_neither_known_nor_held_against_the_log(client, engine, definition, ask):
    client.post("/v1/experiments", json=definition)
    client.post("/v1/experiments/spring-winback/start")
    client.put("/v1/units/ana", json={"profile": {"tier": "gold"}})
    first = ask("ana", context={"days_inactive": 40}).json()
    ask("ben", context={"days_inactive": 50})
    assert client.delete("/v1/units/ana").status_code == 204
    shown = client.get(f"/v1/decisions/{first['decision_id']}")
    assert shown.status_code == 200
    assert "ana" not in str(shown.json()["unit_id"])
    assert "gold" not in shown.text
    assert client.get("/v1/experiments/spring-winback/decisions?unit_id=ana").json()["items"] == []
    report = verify(engine, SYSTEM, "spring-winback")
    assert (report.checked, report.different, report.erased) == (2, 0, 1)
    assert ask("ana").json()["reason"] == "erased"
    client.put("/v1/units/ana", json={"profile": {}})
    assert ask("ana").json()["reason"] == "new"
