"""Lifts of a live experiment against the same maths over its rows; the verdict; parts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, fisher_exact

from experiments.metrics import RATIOS, metric_names
from experiments.model.designing.controls import control_of
from experiments.model.designing.definition import Definition
from experiments.model.times import HOUR
from experiments.views.readout import Question
from offline_eval.ab.bucketed_methods import METHODS
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.multiplicity import ADJUSTMENTS
from offline_eval.ab.sample import Sample
from tests.experiments.readout.conftest import lifted

Make = Callable[..., Any]


def lift(found: dict[str, Any], metric: str = "reengagement", variant: str = "treated") -> dict[str, Any]:
    return found["variants"][variant]["versus"]["holdout"][metric]


def test_a_known_lift_is_found_and_shipped(campaign: Make, people: Make) -> None:
    made = lifted(campaign, people, (0.14, 0.10), 12_000)
    found = made.readout()
    assert found["verdict"]["word"] == "ship"
    assert "treated against holdout, reengagement" in found["verdict"]["reason"]
    bounds = lift(found)["absolute"]
    assert bounds["lower"] <= 0.04 <= bounds["upper"]
    assert bounds["method"] == "bucketed_always_valid"
    samples = [Sample.of(made.values(variant, "revenue")) for variant in ("treated", "holdout")]
    rows = COMPARISONS["always_valid"]().compare(*samples).absolute
    mine = lift(found, "revenue")["absolute"]
    assert mine["value"] == pytest.approx(rows.value)
    assert mine["upper"] - mine["lower"] == pytest.approx(rows.upper - rows.lower, rel=0.15)


def test_harm_to_the_objective_stops(campaign: Make, people: Make) -> None:
    found = lifted(campaign, people, (0.06, 0.10), 12_000).readout()
    assert found["verdict"]["word"] == "stop for harm"


def test_harm_to_a_guardrail_stops_although_the_objective_gains(campaign: Make, people: Make) -> None:
    made = campaign(guardrails=[{"metric": "unsubscribe", "worst": 0.005}])
    rng = np.random.default_rng(3)
    angry = [one | {"unsubscribe": 1.0} if rng.random() < 0.05 else one for one in people(rng, 12_000, 0.14)]
    made.enrol("treated", "bogo-5", angry)
    made.enrol("holdout", "nothing", people(rng, 12_000, 0.10))
    verdict = made.readout()["verdict"]
    assert verdict["word"] == "stop for harm"
    assert "unsubscribe" in verdict["reason"]


def test_nothing_worth_having_is_said_only_where_asked(campaign: Make, people: Make) -> None:
    made = lifted(campaign, people, (0.10, 0.10), 12_000)
    assert made.readout()["verdict"]["word"] == "keep running"
    assert made.readout(worthwhile=0.05)["verdict"]["word"] == "no difference worth having"


def test_a_method_of_one_look_says_so_while_it_runs(campaign: Make, people: Make) -> None:
    made = lifted(campaign, people, (0.14, 0.10), 200)
    assert made.readout()["notes"] == []
    for method in ("fixed", "welch", "bayes"):
        (note,) = made.readout(method=method)["notes"]
        assert note.startswith(f"{method} holds for one look")


def test_a_segment_that_nobody_is_of_is_told_with_those_there_are(campaign: Make, people: Make) -> None:
    made = campaign()
    made.enrol("treated", "bogo-5", people(np.random.default_rng(1), 60, 0.2), segment="AT")
    assert made.readout(segment="AT")["notes"] == []
    assert made.readout(segment="TA")["notes"] == ["no matured decision is of the segment 'TA'; there are: AT"]


@pytest.mark.parametrize("experiments", [10, pytest.param(400, marks=pytest.mark.proof)])
def test_under_peeking_an_a_a_test_is_rarely_decided(campaign: Make, people: Make, experiments: int) -> None:
    decided = 0
    for seed in range(experiments):
        made, rng = campaign(), np.random.default_rng([seed, 9])
        words = set()
        for _ in range(5):
            for variant, arm in (("treated", "bogo-5"), ("holdout", "nothing")):
                made.enrol(variant, arm, people(rng, 250, 0.25))
            words.add(made.readout()["verdict"]["word"])
        decided += bool(words & {"ship", "stop for harm"})
    assert binom.sf(decided - 1, experiments, 0.05) > 0.001


def test_small_counts_get_the_exact_test(campaign: Make, people: Make) -> None:
    made = lifted(campaign, people, (0.15, 0.05), 120, status="stopped")
    one = lift(made.readout())
    table = [[made.values(v, "reengagement").sum() for v in ("treated", "holdout")]]
    table.append([120 - hits for hits in table[0]])
    assert one["absolute"]["method"] == "exact"
    assert one["p_value"] == pytest.approx(fisher_exact(table).pvalue)
    running = lift(made.readout(method="always_valid"))
    assert running["absolute"]["lower"] is None
    assert "too few" in running["note"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_for_every_metric(campaign: Make, people: Make, method: str) -> None:
    found = lifted(campaign, people, (0.3, 0.2), 600).readout(method=method)
    shown = [*metric_names(Definition.model_validate(lifted_definition())), *RATIOS]
    versus = found["variants"]["treated"]["versus"]["holdout"]
    assert versus.keys() == found["variants"]["treated"]["metrics"].keys() <= set(shown)
    for metric, contrast in versus.items():
        bounds = contrast["absolute"]
        if bounds["lower"] is not None and bounds["upper"] is not None:
            assert bounds["lower"] <= bounds["value"] <= bounds["upper"], metric
        else:
            assert contrast.get("note") or method == "non_inferiority", metric
    assert versus["reengagement"]["absolute"]["lower"] is not None


def lifted_definition() -> dict[str, Any]:
    arms = [{"key": "nothing"}]
    fixed = {"name": "fixed", "params": {"arm": "nothing"}}
    return {"key": "x", "arms": arms, "variants": [{"key": "a", "share": 1.0, "policy": fixed}]}


def test_chances_of_being_best_add_up(campaign: Make, people: Make) -> None:
    variants = lifted(campaign, people, (0.3, 0.2), 600).readout(method="bayes")["variants"]
    chances = {key: one["bayesian"]["reengagement"] for key, one in variants.items()}
    assert sum(one["probability_best"] for one in chances.values()) == pytest.approx(1.0)
    assert chances["treated"]["probability_best"] > 0.95
    assert chances["treated"]["expected_loss"] < chances["holdout"]["expected_loss"]
    assert lift({"variants": variants})["probability_best"] > 0.95


def test_repeated_decisions_of_a_unit_count_once(campaign: Make, people: Make) -> None:
    rng = np.random.default_rng(11)
    groups = {variant: people(rng, 2000, rate) for variant, rate in (("treated", 0.3), ("holdout", 0.25))}
    once, often = campaign(), campaign()
    for variant, values in groups.items():
        once.enrol(variant, "nothing", values)
        often.enrol(variant, "nothing", [one for one in values for _ in range(4)], every=4)
    bounds = [lift(made.readout())["absolute"] for made in (once, often)]
    for side in ("value", "lower", "upper"):
        assert bounds[0][side] == pytest.approx(bounds[1][side], rel=1e-9)


@pytest.fixture
def segmented(campaign: Make, people: Make) -> Any:
    made, rng = campaign(segments={"by": ["country"]}), np.random.default_rng(12)
    for segment, rate in (("AT", 0.20), ("CH", 0.20), ("DE", 0.20), ("FR", 0.35)):
        made.enrol("treated", "bogo-5", people(rng, 1500, rate), segment)
        made.enrol("holdout", "nothing", people(rng, 1500, 0.20), segment)
    return made


def test_segments_are_read_alone_and_together_alike(segmented: Any) -> None:
    whole = segmented.readout()
    for segment, part in whole["segments"].items():
        alone = lift(segmented.readout(segment=segment))
        assert part["versus"]["treated"]["reengagement"]["absolute"] == alone["absolute"]
        assert part["matured"] == 3000
    for adjustment in ADJUSTMENTS:
        parts = segmented.readout(adjustment=adjustment)["segments"]
        found = {segment: one["versus"]["treated"]["reengagement"] for segment, one in parts.items()}
        expected = ADJUSTMENTS[adjustment]({segment: one["p_value"] for segment, one in found.items()})
        assert {segment: one["p_adjusted"] for segment, one in found.items()} == pytest.approx(expected)


def test_whether_segments_differ_is_said_before_one_is_named(segmented: Any, campaign: Make, people: Make) -> None:
    said = segmented.readout()["differ"]["segments"]["treated"]["reengagement"]
    assert said["p_value"] < 0.001
    assert "FR" in said["said"] and "AT" not in said["said"]
    made, rng = campaign(segments={"by": ["country"]}), np.random.default_rng(4)
    for segment in ("AT", "CH"):
        made.enrol("treated", "bogo-5", people(rng, 1500, 0.25), segment)
        made.enrol("holdout", "nothing", people(rng, 1500, 0.20), segment)
    assert "no sign" in made.readout()["differ"]["segments"]["treated"]["reengagement"]["said"]


def test_event_types_are_compared_where_chance_alone_gave_them(campaign: Make, people: Make) -> None:
    rng = np.random.default_rng(5)
    holdout = {"key": "holdout", "share": 0.5, "policy": {"name": "fixed", "params": {"arm": "nothing"}}}
    for policy in ("uniform", "linucb"):
        made = campaign(variants=[{"key": "treated", "share": 0.5, "policy": {"name": policy}}, holdout])
        made.enrol("treated", "bogo-5", people(rng, 800, 0.3))
        made.enrol("treated", "sale", people(rng, 800, 0.2))
        made.enrol("holdout", "nothing", people(rng, 1600, 0.2))
        types = made.readout()["event_types"]
        alone = made.readout(event_type="bogo")
        if policy == "uniform":
            assert types["bogo"]["versus"]["treated"]["reengagement"]["absolute"] == lift(alone)["absolute"]
            assert alone["variants"]["treated"]["decisions"] == 800
        else:
            assert types["bogo"]["versus"] == alone["variants"]["treated"]["versus"] == {}
            assert types["bogo"]["note"] and alone["notes"]


def test_a_part_of_the_time_is_read_from_hours(campaign: Make, people: Make) -> None:
    made = lifted(campaign, people, (0.3, 0.2), 6000)
    everything = made.readout(start=0)
    assert lift(everything)["absolute"]["value"] == pytest.approx(lift(made.readout())["absolute"]["value"])
    widths = [lift(one)["absolute"]["upper"] - lift(one)["absolute"]["lower"] for one in (everything, made.readout())]
    assert widths[0] == pytest.approx(widths[1], rel=0.3)
    start = made.rounds[0][0].decided_at + 100 * HOUR
    part = made.readout(start=start, end=start + 50 * HOUR)
    kept = [m for one, m in made.rounds if one.variant == "treated" and start <= one.decided_at < start + 50 * HOUR]
    shown = part["variants"]["treated"]
    assert shown["decisions"] == len(kept)
    assert shown["metrics"]["revenue"]["value"] == pytest.approx(np.mean([m.get("revenue", 0.0) for m in kept]))
    assert part["verdict"] == made.readout()["verdict"]
    assert part["notes"] and part["counts"]["open"] is None


def test_repeated_decisions_widen_a_part_of_the_time(campaign: Make, people: Make) -> None:
    """Decisions of a unit in different hours look independent to hours: the whole's design effect makes up for it."""
    rng = np.random.default_rng(21)
    made = campaign()
    for variant, rate in (("treated", 0.3), ("holdout", 0.3)):
        made.enrol(variant, "nothing", [one for one in people(rng, 1500, rate) for _ in range(4)], every=4)
    bounds = [lift(made.readout(method="fixed", **span))["absolute"] for span in ({}, {"start": 0})]
    widths = [one["upper"] - one["lower"] for one in bounds]
    assert widths[1] > 0.8 * widths[0]


@pytest.mark.parametrize(
    ("control", "variants", "expected"),
    [
        (None, ["bandit", "plain"], "bandit"),
        (None, ["bandit", "holdout"], "holdout"),
        ("plain", ["bandit", "plain"], "plain"),
        ("sale", ["bandit", "seller"], "seller"),
        (None, ["bandit", "idle"], "idle"),
    ],
)
def test_who_is_the_control(control: str | None, variants: list[str], expected: str) -> None:
    fixed = {key: {"name": "fixed", "params": {"arm": arm}} for key, arm in (("seller", "sale"), ("idle", "nothing"))}
    parts = [{"key": key, "share": 0.5, "policy": fixed.get(key, {"name": "uniform"})} for key in variants]
    document = {"key": "x", "arms": [{"key": "nothing"}, {"key": "sale"}], "variants": parts, "control": control}
    assert control_of(Definition.model_validate(document)) == expected


def test_a_question_is_the_whole_by_default() -> None:
    assert not Question().narrow


@pytest.mark.parametrize("method", [name for name in METHODS if name != "exact"])
@pytest.mark.parametrize("n", [1, 2, 4, 30])
def test_a_difference_of_shares_stays_within_what_is_possible(
    campaign: Make, people: Make, method: str, n: int
) -> None:
    """Law: with however few units, a 0/1 metric differs by at most 1."""
    made = lifted(campaign, people, (0.7, 0.3), n)
    versus = made.readout(method=method)["variants"]["treated"]["versus"]["holdout"]
    for name in versus.keys() & {"reengagement", "session", "unsubscribe"}:
        absolute = versus[name]["absolute"]
        known = [bound for bound in (absolute["value"], absolute["lower"], absolute["upper"]) if bound is not None]
        assert all(-1 <= each <= 1 for each in known), (name, absolute)
