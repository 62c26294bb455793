"""Verdicts about money: of revenue counted up to a cap, with what lies above it beside every number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select, update
from sqlmodel import Session

from experiments.metrics.capping import capped_beside
from experiments.model.access.principal import SYSTEM
from experiments.model.tables.core import Adjustment, Experiment, Revision
from experiments.model.times import DAY
from experiments.store.core.engine import reading, transaction
from experiments.views.monitoring.guardrails import evidence_of
from experiments.views.readout import headline
from experiments.views.readout.bounds import Bounds, Counted, bounds_of
from experiments.views.readout.losing import cost_told, losing_arms
from experiments.views.readout.pace import Pace
from tests.experiments.readout.conftest import START, Campaign

Make = Callable[..., Any]
CAP = 60.0
MONEY = {"objective": {"maximise": "net_value", "margin": 0.5}, "cap_revenue": CAP}


def spenders(rng: np.random.Generator, n: int, rate: float, cost: float = 0.0) -> list[dict[str, float]]:
    """One decision a unit; lognormal revenue, capped as the joiner caps it."""
    spent = np.where(rng.random(n) < rate, rng.lognormal(2.5, 1.5, n).round(2), 0.0)
    found = []
    for revenue in spent.tolist():
        one = {"revenue": revenue, "contact_cost": cost, "net_value": 0.5 * revenue - cost}
        one |= {"reengagement": float(revenue > 0)}
        found.append(capped_beside({name: value for name, value in one.items() if value}, 0.0, CAP, 0.5))
    return found


def filled(campaign: Make, **changes: Any) -> Campaign:
    made, rng = campaign(**{**MONEY, **changes}), np.random.default_rng(4)
    made.enrol("treated", "bogo-5", spenders(rng, 3000, 0.4, cost=0.1))
    made.enrol("holdout", "nothing", spenders(rng, 3000, 0.2))
    return made


def test_the_verdict_is_about_the_capped_metric_and_says_so(campaign: Make) -> None:
    made = filled(campaign)
    found = made.readout()
    told = found["estimand"]
    assert told["metric"] == "capped_net_value"
    assert told["words"] == "net value per decision, each user's revenue counted up to 60 EUR"
    assert (told["cap_revenue"], told["cap_origin"], told["note"]) == (CAP, None, "")
    for variant in ("treated", "holdout"):
        whole, kept = made.values(variant, "revenue").sum(), made.values(variant, "capped_revenue").sum()
        assert told["above_cap"][variant] == pytest.approx(1 - kept / whole)
        capped = found["variants"][variant]["metrics"]["capped_net_value"]
        assert capped["value"] == pytest.approx(made.values(variant, "capped_net_value").mean())
    assert "capped_net_value" in found["verdict"]["reason"]
    assert found["money"]["treated"]["revenue"] == pytest.approx(made.values("treated", "revenue").sum())
    assert found["variants"]["treated"]["bayesian"]["capped_net_value"]["probability_best"] > 0.5
    assert headline(made.engine, SYSTEM, made.definition.key)["estimand"] == told


def test_incremental_roi_up_to_the_cap_has_bounds_and_follows_from_the_decisions(campaign: Make) -> None:
    made = filled(campaign)
    money = made.readout()["money"]
    capped, whole = money["treated"]["capped"], money["treated"]
    assert whole["incremental_roi"]["lower"] is None, "revenue has heavy tails here"
    kept = {variant: made.values(variant, "capped_net_value") for variant in ("treated", "holdout")}
    added = 3000 * (kept["treated"].mean() - kept["holdout"].mean())
    assert capped["net_value"] == pytest.approx(kept["treated"].sum())
    assert capped["incremental"]["net_value"]["value"] == pytest.approx(added)
    assert capped["incremental_roi"]["value"] == pytest.approx(added / whole["contact_cost"])
    assert capped["incremental_roi"]["lower"] < capped["incremental_roi"]["value"] < capped["incremental_roi"]["upper"]
    assert capped["above_cap"] == made.readout()["estimand"]["above_cap"]["treated"]
    assert money["holdout"]["capped"]["revenue"] == pytest.approx(made.values("holdout", "capped_revenue").sum())


def test_without_a_cap_it_is_said_what_to_state(campaign: Make) -> None:
    told = filled(campaign, cap_revenue=None).readout()["estimand"]
    assert told["metric"] == "net_value"
    assert told["cap_revenue"] is None and told["above_cap"] == {}
    assert filled(campaign, cap_revenue=None).readout()["money"]["treated"]["capped"] is None
    assert "state cap_revenue" in told["note"]


def test_a_share_is_judged_as_it_is(campaign: Make) -> None:
    told = filled(campaign, objective={"maximise": "reengagement"}).readout()["estimand"]
    assert told["metric"] == "reengagement"
    assert told["words"] == "share of decisions with reengagement"
    assert told["note"] == "" and told["above_cap"] == {}


def opened(made: Campaign, number: int, **changes: Any) -> None:
    """A later revision."""
    document = made.definition.model_copy(update=changes).model_dump(mode="json")
    row = {"experiment_id": made.number, "number": number, "definition": document, "opened_at": START + 30 * DAY}
    with transaction(made.engine) as session:
        session.connection().execute(insert(Revision), [row])
        head = {"definition": document, "revision": number}
        session.connection().execute(update(Experiment).where(Experiment.id == made.number).values(head))


def test_revisions_without_a_cap_are_left_out_of_capped_numbers(campaign: Make) -> None:
    made, rng = campaign(**{**MONEY, "cap_revenue": None}), np.random.default_rng(4)
    plain = [{name: x for name, x in one.items() if "capped" not in name} for one in spenders(rng, 2000, 0.3)]
    made.enrol("treated", "bogo-5", plain)
    made.enrol("holdout", "nothing", plain)
    opened(made, 2, cap_revenue=CAP)
    made.revision = 2
    later = {"treated": spenders(rng, 1500, 0.4, cost=0.1), "holdout": spenders(rng, 1500, 0.2)}
    made.enrol("treated", "bogo-5", later["treated"])
    made.enrol("holdout", "nothing", later["holdout"])
    found = made.readout()
    assert found["estimand"]["note"] == "revision 1 has no cap and is left out"
    means = {key: np.mean([one.get("capped_net_value", 0.0) for one in rows]) for key, rows in later.items()}
    versus = found["variants"]["treated"]["versus"]["holdout"]["capped_net_value"]["absolute"]
    assert versus["value"] == pytest.approx(means["treated"] - means["holdout"])
    assert found["variants"]["treated"]["metrics"]["capped_net_value"]["value"] == pytest.approx(means["treated"])
    capped = found["money"]["treated"]["capped"]
    assert capped["compared"] == {"decisions": 1500, "left_out": {"1": 2000}}
    assert capped["incremental"]["net_value"]["value"] == pytest.approx(1500 * versus["value"])
    spent = sum(one.get("contact_cost", 0.0) for one in later["treated"])
    assert capped["incremental_roi"]["value"] == pytest.approx(1500 * versus["value"] / spent)
    with reading(made.engine) as session:
        evidence = evidence_of(session.connection(), head_of(session, made))
    guarded = evidence.variants(("treated", "holdout"), evidence.judged("net_value"), 1, 0.05).absolute
    assert guarded.value == pytest.approx(versus["value"])


def head_of(session: Session, made: Campaign) -> Experiment:
    return session.get_one(Experiment, made.number)


def bounds(made: Campaign, counted: Counted) -> Bounds:
    with reading(made.engine) as session:
        return bounds_of(session.connection(), head_of(session, made), counted)


ARMS = [{"key": "nothing"}, {"key": "bogo-5", "reward_cost": 5, "contact_cost": 0.5}, {"key": "sale"}]


def test_limits_come_from_the_cap_and_the_dearest_decisions(campaign: Make) -> None:
    once = bounds(campaign(**MONEY, arms=ARMS), Counted(100, 100)).limits
    assert once["capped_revenue"] == (0.0, CAP)
    assert once["capped_net_value"] == (-5.5, 30.0)
    assert once["reward_cost"] == (0.0, 5.0)
    assert "net_value" not in once
    twice = bounds(campaign(**MONEY, arms=ARMS), Counted(101, 100)).limits
    assert twice["capped_net_value"] == (-11.0, 30.0)


def test_a_unit_is_decided_for_at_most_once_a_window(campaign: Make) -> None:
    made = campaign(status="stopped", **MONEY, arms=ARMS, decision_window="P30D")
    assert bounds(made, Counted(9000, 1000)).limits["capped_net_value"] == (-4 * 5.5, 30.0)


def test_manual_costs_are_in_the_limits(campaign: Make) -> None:
    made = campaign(**MONEY, arms=ARMS)
    adjusted = {"experiment_id": made.number, "arm": "sale", "kind": "cost", "value": 8.0, "reason": "dearer"}
    with transaction(made.engine) as session:
        rows = [adjusted | {"created_at": START, "created_by": "somebody"}]
        session.connection().execute(insert(Adjustment), rows)
        assert session.connection().execute(select(Adjustment.value)).scalar_one() == 8.0
    assert bounds(made, Counted(10, 10)).limits["reward_cost"] == (0.0, 8.0)


THREE = [
    {"key": "rules", "share": 0.4, "policy": {"name": "fixed", "params": {"arm": "sale"}}},
    {"key": "bandit", "share": 0.4, "policy": {"name": "fixed", "params": {"arm": "bogo-5"}}},
    {"key": "holdout", "share": 0.2, "policy": {"name": "fixed", "params": {"arm": "nothing"}}},
]


def three(campaign: Make, n: int, rate: float) -> dict[str, Any]:
    """Rules come back at .5 a decision, the bandit at `rate`, the holdout at .1: all of them spend alike."""
    made, rng = campaign(**MONEY, variants=THREE), np.random.default_rng(6)
    made.enrol("rules", "sale", spenders(rng, n, 0.5, cost=0.1))
    made.enrol("bandit", "bogo-5", spenders(rng, n, rate, cost=0.1))
    made.enrol("holdout", "nothing", spenders(rng, n // 2, 0.1))
    return made.readout()


def test_the_verdict_names_the_best_of_all_variants_and_what_the_others_cost(campaign: Make) -> None:
    verdict = three(campaign, 4000, 0.2)["verdict"]
    assert (verdict["word"], verdict["best"], verdict["leading"]) == ("ship", "rules", "rules")
    lost = {one["key"]: one for one in verdict["losing"]}
    assert set(lost) == {"bandit"}, "what a holdout costs is the price of knowing"
    assert lost["bandit"]["versus"] == "rules" and lost["bandit"]["action"] == "move its users to rules"
    assert lost["bandit"]["estimate"]["upper"] < 0
    assert lost["bandit"]["per_day"] < 0
    gained = verdict["gaining"]
    assert (gained["key"], gained["versus"]) == ("rules", "holdout") and gained["estimate"]["lower"] > 0
    assert "rules against holdout, capped_net_value +" in verdict["reason"]
    assert "rules earns" in verdict["reason"] and "EUR a decision more than holdout" in verdict["reason"]
    assert "amounts a day are the mean of the last 13 days with decisions" in verdict["reason"]
    assert "bandit costs" in verdict["reason"] and "EUR a decision against rules" in verdict["reason"]


def test_better_than_the_holdout_is_not_enough(campaign: Make) -> None:
    verdict = three(campaign, 4000, 0.48)["verdict"]
    assert verdict["word"] == "keep running"
    assert verdict["best"] is None and verdict["leading"] in ("rules", "bandit")
    assert "better than the control" in verdict["reason"] and "pays best so far" in verdict["reason"]


def test_an_arm_that_loses_is_named_with_its_price() -> None:
    estimate = {"value": -1.67, "lower": -2.57, "upper": -0.77, "n": 900, "effective_n": 400.0, "method": "m"}
    sure = {"absolute": {**estimate, "alpha": 0.05}, "p_value": 0.001}
    unsure = {"absolute": {**estimate, "upper": 0.1, "alpha": 0.05}, "p_value": 0.2}
    arms = {
        "bogo-5": {"decisions": 500, "versus": {"nothing": {"capped_net_value": sure}}},
        "sale": {"decisions": 400, "versus": {"nothing": {"capped_net_value": unsure}}},
    }
    (lost,) = losing_arms(arms, "capped_net_value", Pace(14, {}, {"bogo-5": 50.0}))
    assert (lost.kind, lost.key, lost.versus, lost.action) == ("arm", "bogo-5", "nothing", "pause arm bogo-5")
    assert lost.per_day == pytest.approx(-1.67 * 50)
    told = cost_told(lost, "EUR")
    assert told == (
        "arm bogo-5 costs 1.67 EUR a decision against nothing (0.77 to 2.57), about 84 EUR a day: pause arm bogo-5"
    )
    assert cost_told(lost, "points").startswith("arm bogo-5 costs 167 points a decision")


def test_who_can_cost_nothing_is_known_to_and_a_mean_lies_within_what_one_decision_can_add(campaign: Make) -> None:
    made = campaign(**MONEY, arms=ARMS, variants=THREE, control="holdout")
    known = bounds(made, Counted(400, 100))
    assert "holdout" in known.free and "bandit" not in known.free
    assert known.possible["capped_net_value"] == (-5.5, 30.0), "per decision, however many a unit had"
    holdout = known.where_nothing_costs()
    assert holdout.limits["reward_cost"] == holdout.possible["contact_cost"] == (0.0, 0.0)
    assert holdout.limits["capped_net_value"][0] == 0.0


def test_what_refunds_turn_into_a_loss_is_not_shipped(campaign: Make) -> None:
    """A unit's capped revenue is at least 0, so that refunds beyond what was bought are not seen in it."""
    made, rng = campaign(objective={"maximise": "revenue"}, cap_revenue=30.0), np.random.default_rng(2)
    for variant, arm, rate in (("treated", "bogo-5", 0.6), ("holdout", "nothing", 0.15)):
        bought = np.where(rng.random(2000) < rate, 20.0, 0.0)
        refunded = (variant == "treated") & (bought > 0) & (rng.random(2000) < 0.5)
        earned = (bought - 50.0 * refunded).tolist()
        made.enrol(variant, arm, [capped_beside({"revenue": each} if each else {}, 0.0, 30.0, 1.0) for each in earned])
    found = made.readout()
    versus = found["variants"]["treated"]["versus"]["holdout"]
    assert versus["capped_revenue"]["absolute"]["lower"] > 0
    assert versus["revenue"]["absolute"]["upper"] < 0
    verdict = found["verdict"]
    assert (verdict["word"], verdict["best"], verdict["gaining"]) == ("keep running", None, None)
    assert "refunds below zero, which count as nothing up to the cap" in verdict["reason"]
