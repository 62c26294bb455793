"""A batch that decides nobody is no success, whatever kept it from it."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from experiments.model.access.principal import SYSTEM
from experiments.model.times import to_micros
from experiments.services.batching.reporting import nobody_decided
from experiments.services.clocking import advance_clock
from tests.experiments.batches.base import campaign, run, status

PATH = "/v1/experiments/win/batches"
REASONS = ["new", "repeat", "not_enrolled", "not_eligible", "suppressed", "erased", "no_arm", "paused", "refused"]


@given(st.dictionaries(st.sampled_from(REASONS), st.integers(0, 5)))
def test_who_has_a_decision_makes_it_a_success(counts):
    why = nobody_decided(counts, "because")
    assert (why is None) == (counts.get("new", 0) + counts.get("repeat", 0) > 0)
    if why is not None and any(counts.values()):
        assert all(f"{count} {reason}" in why for reason, count in counts.items() if count)


def _ask(client, *units, **more):
    body = {"assignments": [{"unit_id": unit, "context": {"orders": 0}} for unit in units], **more}
    answer = client.post(PATH, json=body)
    return answer.json()["id"] if answer.status_code == 202 else answer


def test_nobody_eligible_fails_with_the_reasons_and_a_result(client, settings, engine):
    campaign(client)
    number = _ask(client, "a", "b")
    rows = run(settings, engine, number)
    assert [row["reason"] for row in rows] == ["not_eligible"] * 2
    shown = status(client, number)
    assert (shown["status"], shown["error"]) == ("failed", "nobody was decided: 2 not_eligible")
    assert "not_eligible" in client.get(f"{PATH}/{number}/result?format=csv").text


def test_an_empty_base_is_no_success(client, settings, engine):
    campaign(client)
    number = client.post(PATH, json={}).json()["id"]
    run(settings, engine, number)
    assert status(client, number)["error"] == "there was nobody to decide for"


def test_a_paused_experiment_decides_nobody_until_it_is_resumed(client, settings, engine):
    campaign(client, eligible=None)
    client.post("/v1/experiments/win/pause")
    number = _ask(client, "a", "b")
    run(settings, engine, number)
    assert status(client, number)["error"] == "nobody was decided: 2 paused"
    client.post("/v1/experiments/win/resume")
    assert client.post(f"{PATH}/{number}/resume").status_code == 202
    assert [row["reason"] for row in run(settings, engine, number)] == ["new"] * 2
    shown = status(client, number)
    assert (shown["status"], shown["done"], shown["counts"]) == ("done", 2, {"new": 2})


def test_behind_the_callers_clock_it_is_refused_at_once_and_fails_where_the_clock_went_on(client, settings, engine):
    campaign(client, eligible=None, clock="caller")
    advance_clock(engine, SYSTEM, "win", to_micros(datetime(2026, 1, 2, tzinfo=UTC)))
    refused = _ask(client, "a", at="2026-01-01T00:00:00Z")
    assert refused.status_code == 409 and "2026-01-02T00:00:00Z" in refused.json()["detail"]
    number = _ask(client, "a", "b", at="2026-01-02T00:00:00Z")
    advance_clock(engine, SYSTEM, "win", to_micros(datetime(2026, 1, 3, tzinfo=UTC)))
    run(settings, engine, number)
    shown = status(client, number)
    assert shown["status"] == "failed"
    assert shown["error"].startswith("nobody was decided: 2 refused; the first refusal: the experiment's clock is at")
