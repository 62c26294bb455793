"""Fixed tests against statsmodels and by simulation, bandits on audiences with a known answer, stop rules."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.power import NormalIndPower

from bandit.rounds import Arm, PolicySpec
from offline_eval.ab.comparisons import COMPARISONS
from offline_eval.ab.sample import Sample
from offline_eval.ab.scarcity import FEW
from offline_eval.estimate import Estimate
from offline_eval.planning import METRICS, STOP_RULES, FixedTest, PlanError, plan, plan_fixed
from offline_eval.planning.audience import Audience, AudienceSegment
from offline_eval.planning.bandit import Campaign, plan_bandit, simulate
from offline_eval.planning.fixed import power_of
from offline_eval.planning.metrics import CappedMetric, CupedMetric, MeanMetric, ProportionMetric, RatioMetric
from offline_eval.planning.stopping import Progress
from tests.examples import few

EXAMPLES = {
    "proportion": ProportionMetric(0.1),
    "mean": MeanMetric(10.0, 4.0),
    "ratio": RatioMetric(2.0, 3.0, 5.0, 1.5, 0.5),
    "cuped": CupedMetric(10.0, 4.0, 0.6),
    "capped": CappedMetric(10.0, 40.0, 250.0),
}
EVERY = pytest.mark.parametrize("name", METRICS)


def test_every_metric_is_tried():
    assert METRICS.keys() == EXAMPLES.keys()


@EVERY
def test_the_plan_has_the_power_and_one_unit_less_has_not(name):
    test = FixedTest(EXAMPLES[name], 0.02 * EXAMPLES[name].base, per_day=1000.0)
    found = plan_fixed(test)
    assert found.power >= 0.8 > power_of(test, found.n - 1)
    assert found.treated + found.control in (found.n, found.n - 1)
    assert found.days == -(-found.n // 1000)
    assert found.detectable == pytest.approx(test.effect, rel=0.01)


@EVERY
@few(25)
@given(size=st.floats(0.01, 0.15), power=st.floats(0.5, 0.95))
def test_smaller_effects_and_more_power_need_more(name, size, power):
    test = FixedTest(EXAMPLES[name], size * EXAMPLES[name].base, power=power)
    n = plan_fixed(test).n
    assert plan_fixed(replace(test, effect=test.effect / 2)).n > n
    assert plan_fixed(replace(test, power=power + 0.04)).n > n
    assert plan_fixed(replace(test, arms=3)).n > n
    assert plan_fixed(replace(test, peeking=True)).n > n
    assert plan_fixed(replace(test, treated_share=0.9)).n > n * 1.2


@pytest.mark.parametrize("ratio", [1.0, 0.25, 4.0])
def test_means_agree_with_statsmodels(ratio):
    test = FixedTest(MeanMetric(0.0, 2.0), 0.3, treated_share=ratio / (1 + ratio))
    control = NormalIndPower().solve_power(0.15, power=0.8, alpha=0.05, ratio=1 / ratio)
    assert plan_fixed(test).n == np.ceil(control * (1 + 1 / ratio))
    theirs = NormalIndPower().power(0.15, 900, 0.05, ratio=1 / ratio)
    assert power_of(test, 900 * (1 + 1 / ratio)) == pytest.approx(theirs, rel=1e-9)


def test_cuped_saves_the_share_it_explains():
    plain, adjusted = (plan_fixed(FixedTest(m, 0.1)).n for m in (MeanMetric(10, 4), CupedMetric(10, 4, 0.6)))
    assert adjusted / plain == pytest.approx(1 - 0.36, rel=1e-3)


def test_power_by_simulation():
    test = FixedTest(ProportionMetric(0.1), 0.04, treated_share=0.3)
    found = plan_fixed(test)
    rng = np.random.default_rng(1)
    draws = zip(rng.binomial(found.treated, 0.14, 2000), rng.binomial(found.control, 0.1, 2000), strict=True)
    welch = COMPARISONS["welch"]()
    hits = sum(
        welch.compare(Sample.of_counts(int(a), found.treated), Sample.of_counts(int(b), found.control)).p_value < 0.05
        for a, b in draws
    )
    assert binom.cdf(hits, 2000, 0.8) > 0.0005
    assert binom.sf(hits, 2000, 0.8) > 0.0005


def test_a_small_audience_says_what_it_allows():
    found = plan_fixed(FixedTest(ProportionMetric(0.1), 0.01, audience=5000))
    assert found.n == 5000
    assert found.power < 0.8
    assert found.detectable > 0.01
    assert "too small" in found.note


@pytest.mark.parametrize(
    "change",
    [
        {"effect": 0.0},
        {"power": 1.0},
        {"alpha": 0.0},
        {"arms": 0},
        {"treated_share": 1.0},
        {"audience": 1},
        {"per_day": 0.0},
        {"effect": 0.95},
    ],
)
def test_nonsense_is_refused(change):
    with pytest.raises(PlanError):
        plan_fixed(replace(FixedTest(ProportionMetric(0.1), 0.01), **change))


ARMS = (Arm("nothing"), Arm("mail", contact_cost=0.1), Arm("gift", reward_cost=1.0, cost_on="return"))
AUDIENCE = Audience(
    (
        AudienceSegment("near", 3, {"far": 0}, {"nothing": 0.1, "mail": 0.3, "gift": 0.2}),
        AudienceSegment("far", 1, {"far": 1}, {"nothing": 0.05, "mail": 0.1, "gift": 0.4}),
    ),
    ARMS,
    value=4.0,
)
CAMPAIGN = Campaign(per_day=200, days=8, replications=4)


def test_uniform_regret_and_spend_are_what_they_must_be():
    found = plan_bandit(AUDIENCE, replace(CAMPAIGN, replications=12), [PolicySpec("uniform")])[0]
    loss = AUDIENCE.worth.max(axis=1) - AUDIENCE.worth.mean(axis=1)
    assert found.regret.value == pytest.approx(1600 * float(AUDIENCE.shares @ loss), rel=0.05)
    assert found.spend.value == pytest.approx(1600 * float(AUDIENCE.shares @ AUDIENCE.costs.mean(axis=1)), rel=0.05)


def test_learning_beats_uniform_and_finds_the_best_arms():
    uniform, learned = plan_bandit(AUDIENCE, CAMPAIGN, [PolicySpec("uniform"), PolicySpec("linear_thompson", 0.02)])
    assert learned.regret.upper < uniform.regret.lower
    assert learned.best.value > 0.9


def test_the_same_seed_gives_the_same_life():
    spec = PolicySpec("squarecb", 0.05)
    small = replace(CAMPAIGN, per_day=50, days=4)
    assert simulate(AUDIENCE, small, spec, 3) == simulate(AUDIENCE, small, spec, 3)


def test_a_clear_difference_separates_and_none_does_not():
    found = plan_bandit(AUDIENCE, CAMPAIGN, [PolicySpec("uniform")])[0]
    assert found.separation is None or found.separation <= 8
    clear = Audience((AudienceSegment("all", 1, {}, {"a": 0.6, "b": 0.1}),), (Arm("a"), Arm("b")))
    alike = Audience((AudienceSegment("all", 1, {}, {"a": 0.3, "b": 0.3}),), (Arm("a"), Arm("b")))
    assert plan_bandit(clear, CAMPAIGN, [PolicySpec("uniform")])[0].separation <= 7
    assert plan_bandit(alike, CAMPAIGN, [PolicySpec("uniform")])[0].separation is None


def test_an_audience_with_faults_names_all():
    bad = Audience((AudienceSegment("x", -1, {}, {"nothing": 2.0}),), ARMS)
    with pytest.raises(PlanError) as caught:
        plan_bandit(bad, CAMPAIGN, [PolicySpec("uniform")])
    assert caught.value.faults.keys() == {"/bandit/segments/0/rates", "/bandit/segments/0/share"}


DOCUMENT = {
    "metric": {"kind": "proportion", "base": 0.1},
    "test": {"relative_effect": 0.2, "per_day": 500},
    "arms": [{"key": "a"}, {"key": "b", "contact_cost": 0.1}],
    "bandit": {
        "per_day": 50,
        "days": 3,
        "replications": 2,
        "policies": ["uniform", "thompson"],
        "segments": [{"name": "all", "share": 1, "context": {"x": 1}, "rates": {"a": 0.2, "b": 0.4}}],
    },
}


def test_a_document_becomes_a_plan():
    answer = plan(DOCUMENT)
    json.dumps(answer, allow_nan=False)
    direct = plan_fixed(FixedTest(ProportionMetric(0.1), 0.2 * 0.1, per_day=500.0))
    assert answer["fixed"] == direct.as_dict()
    assert [found["policy"] for found in answer["bandit"]] == ["uniform", "thompson"]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/"),
        ({"metric": {"kind": "odds"}, "test": {"effect": 1}}, "/metric/kind"),
        ({"metric": {"kind": "mean", "base": 1}, "test": {"effect": 1}}, "/metric/deviation"),
        ({"metric": {"base": 0.1}, "test": {}}, "/test/effect"),
        ({"metric": {"base": 0.1}, "test": {"effect": 0.1, "powr": 0.8}}, "/test/powr"),
        ({"bandit": {"per_day": 0, "segments": []}, "arms": []}, "/bandit"),
    ],
)
def test_faults_of_a_document_are_named(document, pointer):
    with pytest.raises(PlanError) as caught:
        plan(document)
    assert pointer in caught.value.faults


def at(lower, upper, days=5.0, n=1000, guardrails=()):
    bounds = Estimate((lower + upper) / 2, lower, upper, n, float(n), "always_valid")
    return Progress(days, n, bounds, tuple(guardrails))


STOPS = {
    "date": (at(-1, 1, days=30), at(-1, 1, days=29), 30),
    "sample": (at(-1, 1, n=500), at(-1, 1, n=499), 500),
    "precision": (at(-0.1, 0.1), at(-0.2, 0.2), 0.1),
    "futility": (at(-0.1, 0.01), at(-0.1, 0.03), 0.02),
    "guardrail": (
        at(0, 1, guardrails=[Estimate(-0.2, -0.3, -0.1, 9, 9.0, "x")]),
        at(0, 1, guardrails=[Estimate(-0.2, -0.3, -0.01, 9, 9.0, "x")]),
        0.05,
    ),
}


@pytest.mark.parametrize("name", STOP_RULES)
def test_stop_rules_stop_and_do_not(name):
    stop, go, limit = STOPS[name]
    assert STOP_RULES[name](stop, limit)
    assert STOP_RULES[name](go, limit) is None


def test_no_interval_no_stop():
    unknown = Progress(1.0, 10, Estimate(None, None, None, 10, 10.0, "always_valid"))
    assert all(STOP_RULES[name](unknown, 1e-9 if name == "precision" else 1000.0) is None for name in STOP_RULES)


@pytest.mark.parametrize(("base", "effect", "share"), [(0.001, 0.0005, 0.5), (0.02, 0.01, 0.9), (0.995, -0.002, 0.3)])
def test_the_plan_tells_when_events_are_enough(base, effect, share):
    """Nine of ten tests of that size have 50 events, or non-events, in either group; hardly any of half the size."""
    found = plan_fixed(FixedTest(ProportionMetric(base), effect, treated_share=share, per_day=100))
    assert found.informative_days == math.ceil(found.informative_n / 100)
    rng, chances = np.random.default_rng(3), []
    for n in (found.informative_n, found.informative_n // 2):
        sizes = round(n * share), round(n * (1 - share))
        scarce = [min(base + effect, 1 - base - effect), min(base, 1 - base)]
        events = [rng.binomial(size, rate, 4000) for size, rate in zip(sizes, scarce, strict=True)]
        chances.append(np.mean(np.minimum(*events) >= FEW))
    assert chances[0] > 0.8
    assert chances[1] < 0.01


def test_a_plan_with_few_events_says_what_that_means():
    rare = FixedTest(ProportionMetric(0.001), 0.004, per_day=100)
    for test in (rare, replace(rare, peeking=True, audience=1000)):
        assert "bounds are wide" in plan_fixed(test).note
    often = plan_fixed(FixedTest(ProportionMetric(0.3), 0.02))
    assert (often.informative_n is not None, often.note) == (True, "one look, at the end")
    assert plan_fixed(FixedTest(MeanMetric(5.0, 2.0), 0.1)).informative_n is None
