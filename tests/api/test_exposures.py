"""Exposures without a decision: kept apart, at most once, and what they touch."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from experiments.model.access.principal import SYSTEM
from experiments.model.tables.deliveries import FallbackExposure
from experiments.store.core.engine import reading
from experiments.views.trust.exposures import decisions_to_leave_out

PATH = "/v1/exposures/fallback"


def moment(minutes=0.0):
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def running(client):
    definition = {
        "key": "e",
        "arms": [{"key": "a"}, {"key": "b"}],
        "variants": [{"key": key, "share": 0.5, "policy": {"name": "uniform"}} for key in ("v", "w")],
    }
    assert client.post("/v1/experiments", json=definition).status_code == 201
    assert client.post("/v1/experiments/e/start").status_code == 200
    return client


def exposure(number, unit="u", **more):
    return {"exposure_id": f"x{number}", "experiment": "e", "unit_id": unit, "arm": "a", "at": moment(-1), **more}


def report(client, *rows):
    answer = client.post(PATH, json={"exposures": list(rows)})
    assert answer.status_code == 200, answer.text
    return [row["class"] for row in answer.json()["results"]]


def test_a_report_is_kept_once_and_a_bad_one_is_refused_alone(running, engine):
    rows = [
        exposure(1),
        exposure(1),
        exposure(2, experiment="none"),
        exposure(3, at="yesterday"),
        exposure(4, at="0001-01-01T00:00:00Z"),
        exposure(5, unit="a\x00b"),
        exposure(6),
    ]
    expected = ["accepted", "duplicate", "rejected", "rejected", "rejected", "rejected", "accepted"]
    assert report(running, *rows) == expected
    assert report(running, rows[0], rows[-1]) == ["duplicate", "duplicate"]
    with reading(engine) as session:
        assert sorted(row.exposure_id for row in session.exec(select(FallbackExposure))) == ["x1", "x6"]


def test_only_the_decision_of_the_failed_call_is_voided(running):
    def ask(unit, key):
        return running.post("/v1/experiments/e/assignments", json={"unit_id": unit, "idempotency_key": key}).json()

    unseen, seen = ask("u", "lost"), ask("v", "kept")
    answer = running.post(PATH, json=[exposure(1, idempotency_key="lost"), exposure(2, "v", idempotency_key="lost")])
    first, second = answer.json()["results"]
    assert first["voided_decision"] == unseen["decision_id"]
    assert "voided_decision" not in second, "the key is another unit's"
    assert running.get(f"/v1/decisions/{unseen['decision_id']}").json()["void"]["reason"] == "fallback"
    assert running.get(f"/v1/decisions/{seen['decision_id']}").json()["void"] is None
    assert ask("u", "again")["attempt"] == 1


def test_what_they_touch_is_counted_and_only_what_came_before_the_draw_may_be_left_out(running, engine):
    report(running, exposure(1, "before"))
    decided = {
        unit: running.post("/v1/experiments/e/assignments", json={"unit_id": unit}).json()["decision_id"]
        for unit in ("before", "after", "untouched")
    }
    report(running, exposure(2, "after", at=moment(1)))
    shown = running.get("/v1/experiments/e/exposures").json()
    trust = shown["fallbacks"]
    assert (trust["carried_over"], trust["crossed"], trust["share"]) == (1, 1, pytest.approx(2 / 3))
    assert sum(row["decisions"] for row in trust["by_arm"]) >= 1
    assert trust["check"]["status"] == "warning"
    variants = {row["variant"] for row in running.get("/v1/experiments/e/decisions").json()["items"]}
    assert (trust["check"]["p_value"] is None) == (len(variants) < 2)
    assert sum(arm["assigned"] for arm in shown["arms"].values()) == 3
    left_out = decisions_to_leave_out(engine, SYSTEM, "e")
    from experiments.model.ids import public_id

    assert {public_id(number) for number in left_out} == {decided["before"]}


def test_nobody_exposed_is_no_news(running):
    check = running.get("/v1/experiments/e/exposures").json()["fallbacks"]["check"]
    assert (check["status"], check["p_value"]) == ("ok", None)


def test_an_exposure_is_neither_a_decision_nor_an_outcome(running):
    report(running, exposure(1))
    assert running.get("/v1/experiments/e/decisions").json()["items"] == []
    assert running.get("/v1/experiments/e/results").json()["counts"]["decisions"] == 0


def test_an_erased_person_leaves_no_name_in_them(running, engine):
    running.put("/v1/units/u", json={"profile": {"x": 1}})
    report(running, exposure(1))
    assert running.delete("/v1/units/u").status_code == 204
    with reading(engine) as session:
        assert session.exec(select(FallbackExposure)).one().unit_id.startswith("erased-")
