"""The circuit breaker through the whole service: harm is caught, the record keeps law 3, and a person resumes."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from experiments.metrics import shares_of
from experiments.model.access.principal import SYSTEM
from experiments.model.designing.definition import Definition
from experiments.model.ids import public_id
from experiments.model.tables.core import AuditEntry
from experiments.model.tables.messages import OutboxMessage
from experiments.model.tables.workers import LoggedRound
from experiments.services.access.auditing import verify_audit
from experiments.services.verifying import verify
from experiments.store.breakers import trips_of
from experiments.store.core.engine import reading
from experiments.store.designing.experiments import find
from experiments.store.rollups.cell_totals import read_cells
from experiments.views.monitoring.guardrails import assess
from experiments.views.readout.builder import ReadoutBuilder
from experiments.views.readout.cells import of_totals
from experiments.views.readout.question import WHOLE

HARM = {"bold": 0.4, "mild": 0.1, "plain": 0.1, "nothing": 0.1}


def until_paused(game: Any, rates: dict[str, float], subject: str, most: int = 25) -> int:
    for step in range(1, most + 1):
        game.step(rates)
        if game.guardrails()[subject]["status"] == "paused":
            return step
    raise AssertionError(game.guardrails())


def test_a_variant_that_harms_is_paused_and_a_person_resumes_it(play: Callable[..., Any]) -> None:
    game = play()
    steps = until_paused(game, HARM, "loud")
    # 50 unsubscribes of the control's 30 % take six minutes; then twelve standard errors are beyond any doubt.
    assert steps <= 8
    shown = game.shown()
    assert shown["revision"] == 2
    [pause] = shown["adjustments"]
    assert pause["variant"] == "loud" and pause["enabled"] is False and pause["by"] == "system"
    assert pause["reason"].startswith("guardrail: unsubscribe")
    [alert] = game.alerts("?experiment=e&status=open")
    assert alert["severity"] == "critical" and alert["detail"]["subject"] == "loud"

    after = game.step(HARM)
    loud = [one for one in after if one["variant"] == "loud"]
    assert loud and {one["arm"] for one in loud} == {"nothing"}
    assert all(one["pmf"] == {"nothing": 1.0} and one["revision"] == 2 for one in loud)
    assert {one["arm"] for one in after if one["variant"] == "mixed"} == {"bold", "mild", "plain"}
    record = game.client.get(f"/v1/decisions/{loud[0]['decision_id']}").json()
    assert record["policy"] == "paused" and record["mode"] == "fixed"
    assert set(record["excluded"]) == {"bold", "mild", "plain"}
    assert all(why.startswith("variant paused: guardrail") for why in record["excluded"].values())
    assert verify(game.service.engine, SYSTEM, "e").different == 0

    resumed = game.client.patch(f"{game.path}/variants/loud", json={"enabled": True, "reason": "creative replaced"})
    assert resumed.status_code == 200 and resumed.json()["revision"] == 3 and resumed.json()["adjustments"] == []
    assert game.alerts("?status=resolved")[0]["id"] == alert["id"]
    mild = HARM | {"bold": 0.1}
    assert game.work() == 0, "the same evidence does not trip it again"
    for _ in range(3):
        assert {one["arm"] for one in game.step(mild) if one["variant"] == "loud"} == {"bold"}
    standing = game.guardrails()["loud"]
    assert standing["status"] != "paused" and standing["since_revision"] == 3
    assert until_paused(game, HARM, "loud") <= 8, "new harm trips it anew"
    assert verify(game.service.engine, SYSTEM, "e").different == 0
    with reading(game.service.engine) as session:
        actions = [entry.action for entry in session.exec(select(AuditEntry)).all()]
        told = [(each.topic, each.body["event"]) for each in session.exec(select(OutboxMessage)).all()]
    assert actions.count("guardrail.pause") == 2 and "variant.resume" in actions
    assert told.count(("changes", "guardrail.pause")) == 2 and told.count(("alerts", "resolved")) == 1
    assert verify_audit(game.service.engine, SYSTEM).broken_at is None


def test_rare_harm_is_caught_long_before_the_control_has_fifty_events(play: Callable[..., Any]) -> None:
    """One in a hundred and fifty unsubscribes in peace: the interval would wait for 7,500 units in the control."""
    calm, rare = dict.fromkeys(HARM, 0.007), {"bold": 0.08, "mild": 0.007, "plain": 0.007, "nothing": 0.007}
    game = play(guardrails=[{"metric": "unsubscribe", "worst": 0.005}])
    for _ in range(3):
        game.step(calm)
        assert {one["status"] for one in game.guardrails().values()} == {"too few"}
    assert until_paused(game, rare, "loud", most=6)
    standing = game.guardrails()["loud"]
    assert standing["estimate"]["lower"] is None and standing["exact_p_value"] < 0.05 / 2 * 0.2
    [pause] = game.shown()["adjustments"]
    assert "exact test of few events" in pause["reason"]
    assert game.client.patch(f"{game.path}/variants/loud", json={"enabled": True, "reason": "r"}).status_code == 200
    assert game.guardrails()["loud"]["exact_p_value"] == 1.0, "only later decisions are evidence"


def test_units_that_come_twice_are_not_tested_exactly(play: Callable[..., Any]) -> None:
    """The chance of a variant is a unit's, not a decision's."""
    game = play(guardrails=[{"metric": "unsubscribe", "worst": 0.005}])
    game.step(HARM, units=40)
    assert game.guardrails()["loud"]["exact_p_value"] is not None
    game.ask([f"e-u{number}" for number in range(40)])
    game.units = 1000
    game.step(HARM, units=40)
    assert game.guardrails()["loud"]["exact_p_value"] is None


def test_good_events_that_are_missing_are_not_tested_exactly(play: Callable[..., Any]) -> None:
    game = play(guardrails=[{"metric": "reengagement", "worst": 0.005}])
    game.step(HARM, units=40)
    assert game.guardrails()["loud"]["exact_p_value"] is None


def verdict_of(game: Any) -> dict[str, Any]:
    return game.client.get(f"{game.path}/results").json()["verdict"]


def test_the_verdict_judges_what_the_monitor_judges(play: Callable[..., Any]) -> None:
    """Of a resumed variant only what came after: neither the harm that tripped the breaker, nor less than all new harm.

    Law: at every look both have the same difference from the same number of units.
    """
    game = play()
    until_paused(game, HARM, "loud")
    assert "loud is paused by its guardrail: unsubscribe" in verdict_of(game)["reason"]
    game.step(HARM)
    game.client.patch(f"{game.path}/variants/loud", json={"enabled": True, "reason": "creative replaced"})
    told = "guardrails on loud, which was resumed, judge decisions since revision 3"
    assert verdict_of(game)["word"] == "keep running" and told in verdict_of(game)["reason"]
    for rates in (HARM | {"bold": 0.1}, HARM | {"bold": 0.1}, HARM):
        game.step(rates)
        assert_alike(game)
    assert verdict_of(game)["word"] == "keep running" and told in verdict_of(game)["reason"]
    assert until_paused(game, HARM, "loud") <= 8
    assert "guardrail breached" in verdict_of(game)["reason"] and told in verdict_of(game)["reason"]


def assert_alike(game: Any) -> None:
    with reading(game.service.engine) as session:
        row = find(session, game.key)
        seen = {one.watch.subject: one.estimate for one in assess(session, row).standings}
        definition = Definition.model_validate(row.definition)
        cells = of_totals(read_cells(session.connection(), row.id), shares_of(definition))
        judging = ReadoutBuilder.of(row, definition, cells, WHOLE).judging(trips_of(session, row.id))
        judged = {finding.name: finding.estimate for finding in judging.guardrails()}
    for subject, estimate in seen.items():
        told = judged[f"{subject} against quiet, unsubscribe"]
        assert told.value == pytest.approx(estimate.value)
        assert (told.n, told.effective_n) == (estimate.n, estimate.effective_n)


def test_an_arm_that_harms_is_disabled_and_enabled_again(play: Callable[..., Any]) -> None:
    rule = {"metric": "unsubscribe", "worst": 0.02, "on": "arm", "versus": "plain"}
    variants = [{"key": "mixed", "share": 1.0, "policy": {"name": "uniform"}}]
    game = play(guardrails=[rule], variants=variants, control=None)
    until_paused(game, HARM, "bold")
    [pause] = game.shown()["adjustments"]
    assert pause["arm"] == "bold" and pause["enabled"] is False
    assert {one["arm"] for one in game.step(HARM)} == {"mild", "plain"}
    body = {"enabled": True, "reason": "looked into it"}
    assert game.client.patch(f"{game.path}/arms/bold", json=body).json()["revision"] == 3
    assert game.work() == 0
    assert game.guardrails()["bold"]["since_revision"] == 3
    assert game.guardrails()["mild"]["since_revision"] == 1
    assert verify(game.service.engine, SYSTEM, "e").different == 0


def test_an_arm_of_a_bandit_that_harms_is_paused(play: Callable[..., Any]) -> None:
    rule = {"metric": "unsubscribe", "worst": 0.05, "on": "arm", "versus": "plain"}
    policy = {"name": "epsilon_greedy", "floor": 0.15}
    variants = [{"key": "bandit", "share": 1.0, "policy": policy, "learn_from": "all"}]
    game = play(guardrails=[rule], variants=variants, control=None)
    assert until_paused(game, HARM | {"bold": 0.6}, "bold") <= 12
    assert game.guardrails()["bold"]["estimate"]["method"] == "arm_sequence"
    assert {one["arm"] for one in game.step(HARM)} == {"mild", "plain"}
    body = {"enabled": True, "reason": "looked into it"}
    assert game.client.patch(f"{game.path}/arms/bold", json=body).json()["revision"] == 3
    assert game.work() == 0
    calm = dict.fromkeys(HARM, 0.1)
    for _ in range(3):
        game.step(calm)
    assert game.guardrails()["bold"]["status"] != "paused"
    assert verify(game.service.engine, SYSTEM, "e").different == 0


def test_a_learner_from_all_follows_a_pause(play: Callable[..., Any]) -> None:
    """The marginal propensity of a drawn arm counts a paused variant's one arm, and what others would have drawn."""
    bandit = {"key": "bandit", "share": 0.4, "policy": {"name": "epsilon_greedy", "floor": 0.1}, "learn_from": "all"}
    uniform = {"key": "mixed", "share": 0.4, "policy": {"name": "uniform"}}
    quiet = {"key": "quiet", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}}
    game = play(guardrails=[], variants=[bandit, uniform, quiet])
    body = {"enabled": False, "reason": "wrong picture"}
    assert game.client.patch(f"{game.path}/variants/mixed", json=body).status_code == 200
    made = {one["decision_id"]: one for one in game.step(HARM, units=100)}
    with reading(game.service.engine) as session:
        rounds = session.exec(select(LoggedRound)).all()
    for row in rounds:
        one = made[public_id(row.decision_id)]
        own = one["pmf"][one["arm"]] if one["variant"] == "bandit" else None
        if one["variant"] == "bandit":
            assert row.marginal_propensity == pytest.approx(0.4 * own)
        else:
            assert one["arm"] == "nothing"
            assert row.marginal_propensity == pytest.approx(0.6)
    assert {one["variant"] for one in made.values()} == {"bandit", "mixed", "quiet"}


def test_an_alert_alone_pauses_nothing_and_is_raised_once(play: Callable[..., Any]) -> None:
    rule = {"metric": "unsubscribe", "worst": 0.5, "relative": True, "action": "alert"}
    game = play(guardrails=[rule])
    for _ in range(9):
        game.step(HARM)
    [alert] = [one for one in game.alerts() if one["detail"]["subject"] == "loud"]
    assert game.guardrails()["loud"]["status"] == "breached"
    assert game.shown()["adjustments"] == [] and game.shown()["revision"] == 1
    seen = game.client.post(f"/v1/alerts/{alert['id']}/acknowledge")
    assert seen.status_code == 200 and seen.json()["status"] == "acknowledged"
    assert seen.json()["acknowledged_by"] == "key:tests"
    game.step(HARM)
    assert len([one for one in game.alerts() if one["detail"]["subject"] == "loud"]) == 1
    assert game.alerts("?status=open&experiment=e") == [one for one in game.alerts() if one["id"] != alert["id"]]


@pytest.mark.parametrize("action", ["recommend", "stop"])
def test_a_stop_rule_stops_or_recommends(play: Callable[..., Any], action: str) -> None:
    game = play(guardrails=[], stop={"sample": 500, "futility": -1.0, "action": action})
    game.step({}, units=400)
    assert game.alerts() == []
    game.step({}, units=400)
    [alert] = game.alerts()
    assert alert["name"] == "stop:sample" and "of 500" in alert["title"]
    assert game.shown()["status"] == ("stopped" if action == "stop" else "running")
    assert game.work() == 0


def test_a_date_stops_without_new_rounds(play: Callable[..., Any]) -> None:
    game = play(guardrails=[], stop={"date": "PT10M"})
    game.step({}, units=20)
    assert game.alerts() == []
    for _ in range(5):
        game.step({}, units=1)
    assert [one["name"] for one in game.alerts()] == ["stop:date"]


def test_a_variant_is_paused_and_resumed_by_hand(play: Callable[..., Any]) -> None:
    game = play(guardrails=[])
    path = f"{game.path}/variants/loud"
    assert game.client.patch(path, json={"enabled": True, "reason": "r"}).json()["version"] == 2
    assert game.client.patch(path, json={"enabled": False, "reason": "wrong picture"}).json()["revision"] == 2
    assert game.client.patch(path, json={"enabled": False, "reason": "again"}).json()["revision"] == 2
    assert {one["arm"] for one in game.step({}) if one["variant"] == "loud"} == {"nothing"}
    assert game.client.patch(path, json={"enabled": True, "reason": "mended"}).json()["revision"] == 3
    assert game.client.patch(f"{game.path}/variants/none", json={"enabled": True, "reason": "r"}).status_code == 404
    assert {one["arm"] for one in game.step({}) if one["variant"] == "loud"} == {"bold"}
