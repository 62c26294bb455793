"""The contract's section 4 and law 5, on SQLite and PostgreSQL."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from experiments.services.recording.classifying import classify_by_unit, classify_named
from experiments.store.core.engine import reading, transaction
from experiments.store.recording.outcome_log import Candidate

EIGHT_DAYS = 8 * 24 * 3600 * 1_000_000


def moment(minutes: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def running(client):
    definition = {
        "key": "e",
        "arms": [{"key": "a"}, {"key": "b"}],
        "variants": [{"key": "v", "share": 1.0, "policy": {"name": "uniform"}}],
    }
    assert client.post("/v1/experiments", json=definition).status_code == 201
    assert client.post("/v1/experiments/e/start").status_code == 200
    return client


def decide(client, unit: str = "u") -> str:
    return client.post("/v1/experiments/e/assignments", json={"unit_id": unit}).json()["decision_id"]


def report(client, *outcomes) -> list[str]:
    response = client.post("/v1/outcomes", json=list(outcomes))
    assert response.status_code == 200, response.text
    return [each["class"] for each in response.json()["results"]]


def outcome(event: str, **members):
    return {"event_id": event, "kind": "click", "occurred_at": moment(0.01)} | members


def test_the_classes_of_well_formed_outcomes(running) -> None:
    decision = decide(running)
    known = outcome("1", decision_id=decision)
    assert report(running, known, known) == ["accepted", "duplicate"]
    assert report(running, known) == ["duplicate"]
    assert report(running, known | {"source": "crm"}) == ["accepted"]
    assert report(running, outcome("2", decision_id="d_0000000000000")) == ["pending"]
    assert report(running, outcome("3", unit_id="u")) == ["accepted"]
    assert report(running, outcome("4", unit_id="stranger")) == ["unattributed"]
    assert report(running, outcome("5", unit_id="u", occurred_at=moment(-60))) == ["unattributed"]
    with reading(running.app.state.winback.engine) as session:
        assert session.connection().execute(text("SELECT count(*) FROM outcomes")).scalar_one() == 6


def test_late_ones_are_kept_and_say_so(running, engine) -> None:
    decision = decide(running)
    with transaction(engine) as session:
        session.connection().execute(
            text("UPDATE decisions SET decided_at = decided_at - :d, matures_at = matures_at - :d"), {"d": EIGHT_DAYS}
        )
    then = moment(0.01 - 8 * 24 * 60)
    reported = [outcome("1", decision_id=decision, occurred_at=then), outcome("2", unit_id="u", occurred_at=then)]
    assert report(running, *reported) == ["late", "late"]
    shown = running.get(f"/v1/decisions/{decision}").json()
    assert [each["class"] for each in shown["outcomes"]] == ["late", "late"]


def test_malformed_ones_are_rejected_alone_with_every_fault(running) -> None:
    good = outcome("1", decision_id=decide(running))
    bad = [
        outcome("2"),
        outcome("3", decision_id="nonsense"),
        outcome("4", unit_id="u", kind="Click!"),
        outcome("5", unit_id="u\0"),
        outcome("6", unit_id="u", occurred_at="2026-01-01T00:00:00"),
        outcome("7", unit_id="u", value="many", zzz=1),
        outcome("8", unit_id="u", occurred_at="3500-01-01T00:00:00Z"),
        "text",
        None,
    ]
    results = running.post("/v1/outcomes", json=[*bad, good]).json()["results"]
    assert [each["class"] for each in results] == ["rejected"] * len(bad) + ["accepted"]
    assert [each["event_id"] for each in results[:7]] == ["2", "3", "4", "5", "6", "7", "8"]
    assert {fault["pointer"] for fault in results[5]["errors"]} == {"/value", "/zzz"}


def test_one_alone_and_a_named_list_are_taken_too(running) -> None:
    one = outcome("1", unit_id="u")
    assert running.post("/v1/outcomes", json=one).json()["results"][0]["class"] == "unattributed"
    assert running.post("/v1/outcomes", json={"outcomes": [one]}).json()["results"][0]["class"] == "duplicate"
    assert running.post("/v1/outcomes", content=b"{").status_code == 400
    assert running.post("/v1/outcomes", json=[one] * 1001).status_code == 413


def test_law_5_shuffled_and_repeated_streams_leave_the_same_outcomes(running, engine) -> None:
    decisions = [decide(running, f"u{n}") for n in range(20)]
    events = [outcome(f"{n}", decision_id=decisions[n % 20], value=float(n)) for n in range(200)]
    stream = events * 3
    random.Random(5).shuffle(stream)
    told = []
    for start in range(0, len(stream), 37):
        told += report(running, *stream[start : start + 37])
    assert (told.count("accepted"), told.count("duplicate")) == (200, 400)
    with reading(engine) as session:
        kept = session.connection().execute(text("SELECT event_id, value FROM outcomes")).all()
    assert sorted(kept) == sorted((each["event_id"], each["value"]) for each in events)


def candidate(decided: int, *, experiment: int = 1, matures: int = 100, joined: bool = False, clock: int | None = None):
    return Candidate(decided, experiment, "u", 1, decided, matures, joined, clock)


def test_the_last_touch_within_an_experiment_takes_the_outcome() -> None:
    early, late = candidate(10, matures=25), candidate(40)
    assert classify_by_unit([early, late], 45, 46, lambda _: 20) == "accepted"
    assert classify_by_unit([early, late], 35, 36, lambda _: 20) == "unattributed"
    assert classify_by_unit([early, late], 60, 61, lambda _: 20) == "unattributed"
    assert classify_by_unit([early, late], 5, 46, lambda _: 20) == "unattributed"
    assert classify_by_unit([early], 20, 26, lambda _: 20) == "late"
    assert classify_by_unit([early, candidate(10, experiment=2)], 20, 26, lambda _: 20) == "accepted"


def test_what_was_joined_takes_no_more() -> None:
    assert classify_named(candidate(10, joined=True), 11) == "late"
    assert classify_by_unit([candidate(10, joined=True)], 11, 11, lambda _: 20) == "late"


def test_on_the_callers_clock_the_clock_decides() -> None:
    assert classify_named(candidate(10, clock=99), 10**15) == "accepted"
    assert classify_named(candidate(10, clock=101), 10**15) == "late"
    assert classify_by_unit([candidate(10, clock=101)], 20, 10**15, lambda _: 20) == "accepted"
